-- writ.commit(p): the one statement that changes what actors are. All or nothing, because it is one statement; its first
-- act is the fence, and only then anything is written. Sections that are not in `p` are not run.
--
--   p.thread, p.nonce, p.shards   who commits, and under which epochs            → WR001 when they are not the present ones
--   p.created, p.actors           new snapshots; changed ones (version - 1 is there)   → WR002
--   p.consumed, p.fired           mailbox rows and timers that must still be there     → WR002
--   p.messages                    gives back their ids, in their order
--   everything else               timers, journal, events, records, slots, files, replies, parked
--
-- Binary columns come as base64. Each `returns` and every list of names below is one table of 0001.

-- Plans are made once per connection, maybe while the tables are nearly empty, and a scan that was right then would be
-- kept while they grow. So nothing here leaves the planner a choice: rows are found one by one by their keys, or by
-- `= any(array)` on one; a join with the document would be planned as a scan of the table (seen with auto_explain).
create function writ.commit(p jsonb) returns jsonb
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  fenced smallint[];
  ids jsonb;
  n bigint;
  row record;
begin
  fenced := writ.fence(p);
  perform writ.expect('actors', writ.write_actors(p, fenced), jsonb_array_length(p->'created') + jsonb_array_length(p->'actors'));

  if p ? 'consumed' then
    delete from writ.messages where id = any(array(select value::bigint from jsonb_array_elements_text(p->'consumed')));
    get diagnostics n = row_count;
    perform writ.expect('messages', n, jsonb_array_length(p->'consumed'));
  end if;
  for row in select * from jsonb_to_recordset(p->'fired') as r(key text, id text, generation bigint) loop
    delete from writ.timers t where t.key = row.key and t.id = row.id and t.generation = row.generation;
    if not found then
      raise exception using errcode = 'WR002', message = format('timer %s of %s is not there in generation %s', row.id, row.key, row.generation);
    end if;
  end loop;
  for row in select * from jsonb_to_recordset(p->'cancelledTimers') as r(key text, id text) loop
    delete from writ.timers t where t.key = row.key and t.id = row.id;
  end loop;
  if p ? 'timers' then
    insert into writ.timers (key, id, shard, due, generation)
    select key, id, shard, due, generation
    from jsonb_to_recordset(p->'timers') as r(key text, id text, shard smallint, due bigint, generation bigint)
    on conflict (key, id) do update set shard = excluded.shard, due = excluded.due, generation = excluded.generation;
  end if;
  if p ? 'messages' then
    with sent as (
      insert into writ.messages (shard, "to", "from", body)
      select r.shard, r."to", r."from", decode(r.body, 'base64')
      from rows from (jsonb_to_recordset(p->'messages') as (shard smallint, "to" text, "from" text, body text))
           with ordinality as r(shard, "to", "from", body, place)
      order by place
      returning id
    )
    select jsonb_agg(id order by id) into ids from sent;
  end if;
  if p ? 'journal' then
    insert into writ.journal (key, version, entries)
    select key, version, decode(entries, 'base64')
    from jsonb_to_recordset(p->'journal') as r(key text, version bigint, entries text);
  end if;

  if p ? 'records' then perform writ.write_records(p->'records'); end if;
  if p ? 'slots' then perform writ.write_slots(p->'slots'); end if;
  if p ? 'rest' then perform writ.write_rest(p->'rest'); end if;
  return ids;
end $$;

create function writ.expect(what text, counted bigint, wanted integer) returns void
language plpgsql immutable as $$
begin
  if counted is distinct from wanted then
    raise exception using errcode = 'WR002', message = format('%s of %s %s are as the commit supposes', counted, wanted, what);
  end if;
end $$;

-- A plain read would not do: a takeover that commits after the read would go unseen. The lock makes one wait for the other.
create function writ.fence(p jsonb) returns smallint[]
language plpgsql as $$
declare
  held smallint[] := '{}';
  row record;
begin
  for row in select * from jsonb_to_recordset(p->'shards') as r(shard smallint, epoch bigint) order by shard loop
    perform from writ.shards s
    where s.shard = row.shard and s.epoch = row.epoch and s.thread = p->>'thread' and s.nonce = p->>'nonce'
    for share;
    if not found then
      raise exception using errcode = 'WR001',
        message = format('thread %s does not hold shard %s with epoch %s', p->>'thread', row.shard, row.epoch);
    end if;
    held := held || row.shard;
  end loop;
  if held = '{}' then
    raise exception using errcode = 'WR001', message = 'a commit names at least one shard';
  end if;
  return held;
end $$;

create function writ.write_actors(p jsonb, held smallint[]) returns bigint
language plpgsql as $$
declare
  written bigint;
  row record;
begin
  insert into writ.actors (
    key, shard, owner, id, kind, directive, version, machine, machine_version, snapshot, status, ended, waiting, since, facts)
  select key, shard, owner, id, kind, directive, 1, machine, "machineVersion", decode(snapshot, 'base64'), status, ended,
         waiting, since, facts
  from jsonb_to_recordset(p->'created') as r(
    key text, shard smallint, owner text, id text, kind text, directive text, machine text, "machineVersion" text,
    snapshot text, status text, ended boolean, waiting text, since bigint, facts jsonb)
  where shard = any(held)
  on conflict (key) do nothing;
  get diagnostics written = row_count;

  for row in select * from jsonb_to_recordset(p->'actors') as r(
    key text, version bigint, machine text, "machineVersion" text, snapshot text, status text, ended boolean,
    waiting text, since bigint, facts jsonb)
  loop
    update writ.actors a set
      version = row.version, machine = row.machine, machine_version = row."machineVersion",
      snapshot = decode(row.snapshot, 'base64'), status = row.status, ended = row.ended, waiting = row.waiting,
      since = row.since, facts = row.facts
    where a.key = row.key and a.version = row.version - 1 and a.shard = any(held);
    written := written + found::integer;
  end loop;
  return written;
end $$;

create function writ.write_records(p jsonb) returns void
language plpgsql as $$
declare
  n bigint;
begin
  if p ? 'directives' then
    insert into writ.directives (key, owner, id, title, definition, content, plan, steps, at)
    select key, owner, id, title, definition, content, plan, steps, at
    from jsonb_to_recordset(p->'directives') as r(
      key text, owner text, id text, title text, definition text, content text, plan text, steps integer, at bigint);
  end if;
  if p ? 'chains' then
    insert into writ.chains (directive, generation, title, description, hash, steps, at)
    select directive, generation, title, description, hash, steps, at
    from jsonb_to_recordset(p->'chains') as r(
      directive text, generation integer, title text, description text, hash text, steps integer, at bigint);
  end if;
  if p ? 'events' then
    insert into writ.events (directive, sequence, type, severity, source, data, generation, step, at)
    select directive, sequence, type, severity, source, data, generation, step, at
    from jsonb_to_recordset(p->'events') as r(
      directive text, sequence bigint, type text, severity text, source text, data jsonb, generation integer, step integer,
      at bigint);
  end if;
  if p ? 'tasks' then
    insert into writ.tasks as t (
      owner, id, contract, actor, directive, step, number, role, purpose, supervisor, name, contract_name, contract_kind,
      phase, description, local_only, repository, round, feedback, manual, priority, status, reason, daemon, attempt,
      version, at, ended_at)
    select owner, id, contract, actor, directive, step, number, role, purpose, supervisor, name, "contractName",
           "contractKind", phase, description, "localOnly", repository, round, feedback, manual, priority, status, reason,
           daemon, attempt, version, at, "endedAt"
    from jsonb_to_recordset(p->'tasks') as r(
      owner text, id text, contract text, actor text, directive text, step integer, number integer, role text, purpose text,
      supervisor boolean, name text, "contractName" text, "contractKind" text, phase text, description text,
      "localOnly" boolean, repository text, round integer, feedback text, manual boolean, priority integer, status text,
      reason text, daemon text, attempt integer, version bigint, at bigint, "endedAt" bigint)
    on conflict (owner, id) do update set
      contract = excluded.contract, actor = excluded.actor, directive = excluded.directive, step = excluded.step,
      number = excluded.number, role = excluded.role, purpose = excluded.purpose, supervisor = excluded.supervisor,
      name = excluded.name, contract_name = excluded.contract_name, contract_kind = excluded.contract_kind,
      phase = excluded.phase, description = excluded.description, local_only = excluded.local_only,
      repository = excluded.repository, round = excluded.round, feedback = excluded.feedback, manual = excluded.manual,
      priority = excluded.priority, status = excluded.status, reason = excluded.reason, daemon = excluded.daemon,
      attempt = excluded.attempt, version = excluded.version, at = excluded.at, ended_at = excluded.ended_at
    where t.version < excluded.version;
    get diagnostics n = row_count;
    perform writ.expect('tasks', n, jsonb_array_length(p->'tasks'));
  end if;
  if p ? 'attempts' then
    insert into writ.attempts (
      owner, task, attempt, actor, directive, shard, role, number, nonce, "grant", daemon, session, inbox, start_commit,
      line, accepted, opened_at, deadline, closed_at, closed, reason, result, commit)
    select owner, task, attempt, actor, directive, shard, role, number, nonce, "grant", daemon, session, inbox,
           "startCommit", line, accepted, "openedAt", deadline, "closedAt", closed, reason, result, commit
    from jsonb_to_recordset(p->'attempts') as r(
      owner text, task text, attempt integer, actor text, directive text, shard smallint, role text, number integer,
      nonce text, "grant" text, daemon text, session text, inbox text, "startCommit" text, line text, accepted boolean,
      "openedAt" bigint, deadline bigint, "closedAt" bigint, closed text, reason text, result text, commit text)
    on conflict (owner, task, attempt) do update set
      actor = excluded.actor, directive = excluded.directive, shard = excluded.shard, role = excluded.role,
      number = excluded.number, nonce = excluded.nonce, "grant" = excluded."grant", daemon = excluded.daemon,
      session = excluded.session, inbox = excluded.inbox, start_commit = excluded.start_commit, line = excluded.line,
      accepted = excluded.accepted, opened_at = excluded.opened_at, deadline = excluded.deadline,
      closed_at = excluded.closed_at, closed = excluded.closed, reason = excluded.reason, result = excluded.result,
      commit = excluded.commit;
  end if;
  if p ? 'evaluations' then
    insert into writ.evaluations (directive, step, number, task, type, evaluator, verdict, at)
    select directive, step, number, task, type, evaluator, verdict, at
    from jsonb_to_recordset(p->'evaluations') as r(
      directive text, step integer, number integer, task integer, type text, evaluator text, verdict jsonb, at bigint);
  end if;
end $$;

create function writ.write_slots(p jsonb) returns void
language plpgsql as $$
declare
  row record;
begin
  if p ? 'unready' then
    delete from writ.ready where actor = any(array(select jsonb_array_elements_text(p->'unready')));
  end if;
  if p ? 'ready' then
    insert into writ.ready (actor, directive, number, role, priority, since, manual, labels, executor, begun)
    select actor, directive, number, role, priority, since, manual, labels, executor, begun
    from jsonb_to_recordset(p->'ready') as r(
      actor text, directive text, number integer, role text, priority integer, since bigint, manual boolean, labels jsonb,
      executor text, begun boolean)
    on conflict (actor) do update set
      directive = excluded.directive, number = excluded.number, role = excluded.role, priority = excluded.priority, since = excluded.since,
      manual = excluded.manual, labels = excluded.labels, executor = excluded.executor, begun = excluded.begun;
  end if;
  for row in select * from jsonb_to_recordset(p->'unheld') as r(directive text, id text) loop
    delete from writ.held h where h.directive = row.directive and h.id = row.id;
  end loop;
  if p ? 'held' then
    insert into writ.held (
      directive, id, number, daemon, session, roles, executors, labels, inbox, reuses, recalled, actor, task, role)
    select directive, id, number, daemon, session, roles, executors, labels, inbox, reuses, recalled, actor, task, role
    from jsonb_to_recordset(p->'held') as r(
      directive text, id text, number integer, daemon text, session text, roles jsonb, executors jsonb, labels jsonb,
      inbox text, reuses integer, recalled boolean, actor text, task integer, role text)
    on conflict (directive, id) do update set
      number = excluded.number, daemon = excluded.daemon, session = excluded.session, roles = excluded.roles,
      executors = excluded.executors, labels = excluded.labels, inbox = excluded.inbox, reuses = excluded.reuses,
      recalled = excluded.recalled, actor = excluded.actor, task = excluded.task, role = excluded.role;
  end if;
  for row in select * from jsonb_to_recordset(p->'goneDaemons') as r(owner text, name text) loop
    delete from writ.daemons d where d.owner = row.owner and d.name = row.name;
  end loop;
  if p ? 'daemons' then
    insert into writ.daemons (owner, name, session, home, slots, roles, executors, labels, draining, inbox, at)
    select owner, name, session, home, slots, roles, executors, labels, draining, inbox, at
    from jsonb_to_recordset(p->'daemons') as r(
      owner text, name text, session text, home text, slots integer, roles jsonb, executors jsonb, labels jsonb,
      draining boolean, inbox text, at bigint)
    on conflict (owner, name) do update set
      session = excluded.session, home = excluded.home, slots = excluded.slots, roles = excluded.roles,
      executors = excluded.executors, labels = excluded.labels, draining = excluded.draining, inbox = excluded.inbox,
      at = excluded.at;
  end if;
  for row in select value as directive from jsonb_array_elements_text(p->'goneNeeds') loop
    delete from writ.needs n where n.owner = split_part(row.directive, '/', 1) and n.directive = row.directive;
  end loop;
  if p ? 'needs' then
    insert into writ.needs (owner, directive, lines, seen, granted)
    select owner, directive, lines, seen, granted
    from jsonb_to_recordset(p->'needs') as r(owner text, directive text, lines jsonb, seen integer, granted integer)
    on conflict (owner, directive) do update set
      lines = excluded.lines, seen = excluded.seen, granted = excluded.granted;
  end if;
  for row in select * from jsonb_to_recordset(p->'goneGrants') as r(owner text, id text) loop
    delete from writ.grants g where g.owner = row.owner and g.id = row.id;
  end loop;
  if p ? 'grants' then
    insert into writ.grants (owner, id, directive, number, daemon, session, role, requirement, recalled, at)
    select owner, id, directive, number, daemon, session, role, requirement, recalled, at
    from jsonb_to_recordset(p->'grants') as r(
      owner text, id text, directive text, number integer, daemon text, session text, role text,
      requirement text, recalled boolean, at bigint)
    on conflict (owner, id) do update set
      directive = excluded.directive, number = excluded.number, daemon = excluded.daemon, session = excluded.session,
      role = excluded.role, requirement = excluded.requirement, recalled = excluded.recalled, at = excluded.at;
  end if;
end $$;

create function writ.write_rest(p jsonb) returns void
language plpgsql as $$
declare
  n bigint;
begin
  if p ? 'files' then
    insert into writ.files (owner, contract, name, hash, bytes, at)
    select owner, contract, name, hash, bytes, at
    from jsonb_to_recordset(p->'files') as r(owner text, contract text, name text, hash text, bytes bigint, at bigint)
    on conflict (owner, contract, name) do update set hash = excluded.hash, bytes = excluded.bytes, at = excluded.at;
  end if;
  if p ? 'replies' then
    -- The first reply stands for its day: whoever asks again must not get another one.
    insert into writ.replies as t (owner, command, reply, at)
    select distinct on (owner, command) owner, command, reply, at
    from rows from (jsonb_to_recordset(p->'replies') as (owner text, command text, reply text, at bigint))
         with ordinality as r(owner, command, reply, at, place)
    order by owner, command, place
    on conflict (owner, command) do update set reply = excluded.reply, at = excluded.at
    where t.at < excluded.at - (p->'repliesKeptMs')::bigint;
  end if;
  if p ? 'parked' then
    delete from writ.messages where id = any(array(select (r->>'message')::bigint from jsonb_array_elements(p->'parked') r));
    get diagnostics n = row_count;
    perform writ.expect('parked messages', n,
      (select count(*)::integer from jsonb_array_elements(p->'parked') r where r->>'message' is not null));
    insert into writ.parked (message, actor, body, reason, at)
    select message, actor, decode(body, 'base64'), reason, at
    from jsonb_to_recordset(p->'parked') as r(message bigint, actor text, body text, reason text, at bigint);
  end if;
  if p ? 'faulted' then
    insert into writ.faulted (key, reason, at)
    select key, reason, writ.now() from jsonb_to_recordset(p->'faulted') as r(key text, reason text)
    on conflict (key) do update set reason = excluded.reason, at = excluded.at;
  end if;
end $$;
