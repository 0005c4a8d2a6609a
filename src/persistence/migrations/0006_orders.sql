-- What a daemon was told about an attempt, and what it reported of it, are kept with the attempt; a parked actor can be mended.
--
--   attempts.asked      `finish` or `cancel`: told again by whoever holds the shard, until the attempt is closed
--   attempts.reported   JSON: the report that its daemon made of its end, and whether it counted (R43)
--   parked."from"       who had told it, so that the message can go back into the mailbox
--   p.records.late      reports of attempts that were closed already
--   p.rest.mended       directives that are parked no more, with their steps: their parked messages are in the mailboxes again

alter table writ.attempts add column asked text, add column reported text;
alter table writ.parked add column "from" text collate "C" not null default '';

create or replace function writ.write_records(p jsonb) returns void
language plpgsql as $$
declare
  n bigint;
  row record;
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
      line, accepted, opened_at, deadline, closed_at, closed, reason, result, commit, asked, reported)
    select owner, task, attempt, actor, directive, shard, role, number, nonce, "grant", daemon, session, inbox,
           "startCommit", line, accepted, "openedAt", deadline, "closedAt", closed, reason, result, commit, asked,
           reported
    from jsonb_to_recordset(p->'attempts') as r(
      owner text, task text, attempt integer, actor text, directive text, shard smallint, role text, number integer,
      nonce text, "grant" text, daemon text, session text, inbox text, "startCommit" text, line text, accepted boolean,
      "openedAt" bigint, deadline bigint, "closedAt" bigint, closed text, reason text, result text, commit text,
      asked text, reported text)
    on conflict (owner, task, attempt) do update set
      actor = excluded.actor, directive = excluded.directive, shard = excluded.shard, role = excluded.role,
      number = excluded.number, nonce = excluded.nonce, "grant" = excluded."grant", daemon = excluded.daemon,
      session = excluded.session, inbox = excluded.inbox, start_commit = excluded.start_commit, line = excluded.line,
      accepted = excluded.accepted, opened_at = excluded.opened_at, deadline = excluded.deadline,
      closed_at = excluded.closed_at, closed = excluded.closed, reason = excluded.reason, result = excluded.result,
      commit = excluded.commit, asked = excluded.asked, reported = excluded.reported;
  end if;
  for row in select * from jsonb_to_recordset(p->'late') as r(owner text, task text, attempt integer, reported text) loop
    update writ.attempts a set reported = row.reported
    where a.owner = row.owner and a.task = row.task and a.attempt = row.attempt;
  end loop;
  if p ? 'evaluations' then
    insert into writ.evaluations (directive, step, number, task, type, evaluator, verdict, at)
    select directive, step, number, task, type, evaluator, verdict, at
    from jsonb_to_recordset(p->'evaluations') as r(
      directive text, step integer, number integer, task integer, type text, evaluator text, verdict jsonb, at bigint);
  end if;
end $$;

create or replace function writ.write_rest(p jsonb) returns void
language plpgsql as $$
declare
  n bigint;
  row record;
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
    insert into writ.parked (message, actor, "from", body, reason, at)
    select message, actor, "from", decode(body, 'base64'), reason, at
    from jsonb_to_recordset(p->'parked') as r(
      message bigint, actor text, "from" text, body text, reason text, at bigint);
  end if;
  if p ? 'faulted' then
    insert into writ.faulted (key, reason, at)
    select key, reason, writ.now() from jsonb_to_recordset(p->'faulted') as r(key text, reason text)
    on conflict (key) do update set reason = excluded.reason, at = excluded.at;
  end if;
  -- A directive with all its steps: `<key>__…`, in the order of bytes.
  for row in select value as key from jsonb_array_elements_text(p->'mended') loop
    delete from writ.faulted f where f.key = row.key or (f.key >= row.key || '__' and f.key < row.key || '_`');
    update writ.messages m set tries = 0
    where m.tries > 0 and (m."to" = row.key or (m."to" >= row.key || '__' and m."to" < row.key || '_`'));
    with back as (
      delete from writ.parked k
      where k.actor = row.key or (k.actor >= row.key || '__' and k.actor < row.key || '_`')
      returning k.number, k.actor, k."from", k.body
    )
    insert into writ.messages (shard, "to", "from", body)
    select (select a.shard from writ.actors a where a.key = row.key), back.actor, back."from", back.body
    from back order by back.number;
  end loop;
end $$;
