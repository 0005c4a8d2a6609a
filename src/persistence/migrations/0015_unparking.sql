-- What is parked leaves by itself: one message goes back to its place or is dropped, one actor is tried again.
--
--   parked.tries       how often the message was tried; those of before were tried as often as was allowed then, which was 5 times
--   rest.unparked      messages that are parked no more: `back` into the mailbox, else they are gone  → WR002 when one is not there
--   rest.unfaulted     actors that are faulted no more
--   rest.mended        as before, but what goes back takes the place that it had: ids order a mailbox, and its own is free still

alter table writ.parked add column tries integer not null default 5;

-- The messages of these rows are in their mailboxes again, as if they had never been tried; answers with how many.
create function writ.put_back(numbers bigint[], shard_ smallint) returns bigint
language plpgsql as $$
declare
  n bigint;
begin
  with back as (
    delete from writ.parked k where k.number = any(numbers) returning k.number, k.message, k.actor, k."from", k.body
  )
  insert into writ.messages (id, shard, "to", "from", body) overriding system value
  select coalesce(message, nextval(pg_get_serial_sequence('writ.messages', 'id'))), shard_, actor, "from", body
  from back order by number;
  get diagnostics n = row_count;
  return n;
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
    insert into writ.parked (message, actor, "from", body, reason, tries, at)
    select message, actor, "from", decode(body, 'base64'), reason, coalesce(tries, 5), at
    from jsonb_to_recordset(p->'parked') as r(
      message bigint, actor text, "from" text, body text, reason text, tries integer, at bigint);
  end if;
  if p ? 'faulted' then
    insert into writ.faulted (key, reason, at)
    select key, reason, writ.now() from jsonb_to_recordset(p->'faulted') as r(key text, reason text)
    on conflict (key) do update set reason = excluded.reason, at = excluded.at;
  end if;
  for row in select * from jsonb_to_recordset(p->'unparked') as r(message bigint, actor text, shard smallint, back boolean) loop
    if row.back then
      n := writ.put_back(array(select number from writ.parked k where k.actor = row.actor and k.message = row.message), row.shard);
    else
      delete from writ.parked k where k.actor = row.actor and k.message = row.message;
      get diagnostics n = row_count;
    end if;
    perform writ.expect('parked messages', n, 1);
  end loop;
  for row in select value as key from jsonb_array_elements_text(p->'unfaulted') loop
    delete from writ.faulted f where f.key = row.key;
    update writ.messages m set tries = 0 where m.tries > 0 and m."to" = row.key;
  end loop;
  -- A directive with all its steps: `<key>__…`, in the order of bytes.
  for row in select value as key from jsonb_array_elements_text(p->'mended') loop
    delete from writ.faulted f where f.key = row.key or (f.key >= row.key || '__' and f.key < row.key || '_`');
    update writ.messages m set tries = 0
    where m.tries > 0 and (m."to" = row.key or (m."to" >= row.key || '__' and m."to" < row.key || '_`'));
    perform writ.put_back(
      array(select k.number from writ.parked k where k.actor = row.key or (k.actor >= row.key || '__' and k.actor < row.key || '_`')),
      (select a.shard from writ.actors a where a.key = row.key));
  end loop;
end $$;
