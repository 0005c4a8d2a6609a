-- Every table, in the schema `writ`. Times are milliseconds since 1970 by this server's clock (writ.now()).
--
--   who holds what   meta, threads (leases), shards (epochs)
--   actors           actors (snapshots), faulted, journal, messages (mailbox), timers, parked, ingress, replies
--   a directive      directives, chains, plans, plan_steps, events
--   its work         tasks, attempts, evaluations, files, blobs
--   slots            ready, held (the directive's side); daemons, needs, grants (the registry's side)
--
-- Columns of text and jsonb are for reading and searching: NUL and lone surrogates in them became U+FFFD. What must come
-- back exactly is bytea, or JSON kept as text, whose escapes hold what Postgres cannot.
-- Keys compare as bytes (collate "C"), so that the ids derived from one (`id__…`) are one range of the index.
-- Tables that change with every commit have room in their pages, so that updates touch no index (never index a column
-- of theirs that changes often), and are vacuumed early: dead rows are what slows a mailbox down.

create function writ.now() returns bigint language sql volatile as
  $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint $$;

create table writ.meta (
  key   text primary key,
  value text not null
);
-- A restored backup is another incarnation only when whoever restores it says so by changing this row.
insert into writ.meta values ('incarnation', gen_random_uuid()::text);

create table writ.threads (
  thread   text collate "C" primary key,
  node     text not null,
  nonce    text not null,
  home     text,
  machines jsonb not null,
  expires  timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

create table writ.shards (
  shard  smallint primary key,
  thread text collate "C",
  nonce  text,
  epoch  bigint not null default 0
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
insert into writ.shards (shard) select generate_series(0, 255);

create table writ.actors (
  key             text collate "C" primary key,
  shard           smallint not null,
  owner           text collate "C" not null,
  id              text collate "C" not null,
  kind            text not null,
  directive       text collate "C",
  version         bigint not null,
  machine         text not null,
  machine_version text not null,
  snapshot        bytea not null,
  status          text not null,
  ended           boolean not null,
  waiting         text,
  since           bigint not null,
  facts           jsonb not null
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index actors_registries on writ.actors (shard) where kind = 'registry';
create index actors_live_directives on writ.actors (owner) where kind = 'directive' and not ended;

create table writ.faulted (
  key    text collate "C" primary key,
  reason text not null,
  at     bigint not null
);

create table writ.journal (
  key     text collate "C",
  version bigint,
  entries bytea not null,
  primary key (key, version)
);

-- The primary key is the id alone, and rows are deleted by it: with the shard in front, deleting a batch reads every dead
-- entry of the shard (measured: 36,000 rows read to delete 100).
create table writ.messages (
  id     bigint generated always as identity primary key,
  shard  smallint not null,
  "to"   text collate "C" not null,
  "from" text collate "C" not null,
  body   bytea not null,
  tries  integer not null default 0,
  reason text
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index messages_mailbox on writ.messages (shard, id);
create index messages_of_actor on writ.messages ("to");

create table writ.timers (
  key        text collate "C",
  id         text collate "C",
  shard      smallint not null,
  due        bigint not null,
  generation bigint not null,
  primary key (key, id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index timers_due on writ.timers (shard, due);

create table writ.parked (
  number  bigint generated always as identity primary key,
  message bigint,
  actor   text collate "C" not null,
  body    bytea not null,
  reason  text not null,
  at      bigint not null
);
create index parked_of_actor on writ.parked (actor);

create table writ.ingress (
  incarnation text collate "C",
  sequence    bigint,
  at          bigint not null,
  primary key (incarnation, sequence)
);
create index ingress_at on writ.ingress (at);

create table writ.replies (
  owner   text collate "C",
  command text collate "C",
  reply   text not null,
  at      bigint not null,
  primary key (owner, command)
);
create index replies_at on writ.replies (at);

create table writ.directives (
  key        text collate "C" primary key,
  owner      text collate "C" not null,
  id         text collate "C" not null,
  title      text not null,
  definition text not null,
  content    text not null,
  plan       text collate "C",
  steps      integer not null,
  at         bigint not null
);
create index directives_newest on writ.directives (owner, at desc, id);
create index directives_plan on writ.directives (plan) where plan is not null;

create table writ.chains (
  directive   text collate "C",
  generation  integer,
  title       text not null,
  description text not null,
  hash        text collate "C" not null,
  steps       integer not null,
  at          bigint not null,
  primary key (directive, generation)
);
create index chains_hash on writ.chains (hash);

create table writ.plans (
  hash     text collate "C" primary key,
  steps    integer not null,
  complete boolean not null default false,
  at       bigint not null
);
create index plans_at on writ.plans (at);

-- `name` is what JSON.stringify makes of it, without the quotes: every name has one such form, and only its own.
create table writ.plan_steps (
  hash       text collate "C",
  index      integer,
  name       text collate "C" not null,
  depends_on jsonb not null,
  step       text not null,
  primary key (hash, index)
);
create index plan_steps_name on writ.plan_steps (hash, name);

create table writ.events (
  directive  text collate "C",
  sequence   bigint,
  type       text not null,
  severity   text not null,
  source     text not null,
  data       jsonb not null,
  generation integer,
  step       integer,
  at         bigint not null,
  primary key (directive, sequence)
);

create table writ.tasks (
  owner         text collate "C",
  id            text collate "C",
  contract      text collate "C" not null,
  actor         text collate "C" not null,
  directive     text collate "C" not null,
  step          integer,
  number        integer not null,
  role          text not null,
  purpose       text not null,
  supervisor    boolean not null,
  name          text not null,
  contract_name text not null,
  contract_kind text not null,
  phase         text not null,
  description   text not null,
  local_only    boolean not null,
  repository    text,
  round         integer not null,
  feedback      text,
  manual        boolean not null,
  priority      integer not null,
  status        text not null,
  reason        text not null,
  daemon        text,
  attempt       integer,
  version       bigint not null,
  at            bigint not null,
  ended_at      bigint,
  primary key (owner, id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index tasks_newest on writ.tasks (owner, at desc, id);
create index tasks_open on writ.tasks (owner, at desc, id) where ended_at is null;

create table writ.attempts (
  owner        text collate "C",
  task         text collate "C",
  attempt      integer,
  actor        text collate "C" not null,
  directive    text collate "C" not null,
  shard        smallint not null,
  role         text not null,
  number       integer not null,
  nonce        text not null,
  "grant"      text not null,
  daemon       text not null,
  session      text not null,
  inbox        text,
  start_commit text,
  line         text,
  accepted     boolean not null,
  opened_at    bigint not null,
  deadline     bigint not null,
  closed_at    bigint,
  closed       text,
  reason       text not null,
  result       text,
  commit       text,
  primary key (owner, task, attempt)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index attempts_open on writ.attempts (shard) where closed_at is null;
create index attempts_open_of on writ.attempts (directive) where closed_at is null;

create table writ.evaluations (
  directive text collate "C" not null,
  step      integer,
  number    integer not null,
  task      integer not null,
  type      text not null,
  evaluator text not null,
  verdict   jsonb not null,
  at        bigint not null
);
create unique index evaluations_key on writ.evaluations (directive, (coalesce(step, -1)), number);

create table writ.ready (
  actor     text collate "C" primary key,
  directive text collate "C" not null,
  number    integer not null,
  role      text not null,
  priority  integer not null,
  since     bigint not null,
  manual    boolean not null,
  labels    jsonb not null,
  executor  text,
  begun     boolean not null
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index ready_of on writ.ready (directive);

create table writ.held (
  directive text collate "C",
  id        text collate "C",
  number    integer not null,
  daemon    text not null,
  session   text not null,
  roles     jsonb not null,
  executors jsonb not null,
  labels    jsonb not null,
  inbox     text,
  reuses    integer not null,
  recalled  boolean not null,
  actor     text collate "C",
  task      integer,
  role      text,
  primary key (directive, id)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create table writ.daemons (
  owner     text collate "C",
  name      text collate "C",
  session   text not null,
  home      text,
  slots     integer not null,
  roles     jsonb not null,
  executors jsonb not null,
  labels    jsonb not null,
  draining  boolean not null,
  inbox     text,
  at        bigint not null,
  primary key (owner, name)
) with (fillfactor = 60);

create table writ.needs (
  owner     text collate "C",
  directive text collate "C",
  lines     jsonb not null,
  seen      integer not null,
  granted   integer not null,
  primary key (owner, directive)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create table writ.grants (
  owner       text collate "C",
  id          text collate "C",
  directive   text collate "C" not null,
  number      integer not null,
  daemon      text not null,
  session     text not null,
  role        text not null,
  requirement text not null,
  recalled    boolean not null,
  at          bigint not null,
  primary key (owner, id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create table writ.files (
  owner    text collate "C",
  contract text collate "C",
  name     text collate "C",
  hash     text not null,
  bytes    bigint not null,
  at       bigint not null,
  primary key (owner, contract, name)
);

create table writ.blobs (
  hash  text collate "C" primary key,
  bytes bytea not null
);
