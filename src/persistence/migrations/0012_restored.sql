-- A database that was restored from an earlier copy, or that a replica has taken over without the last commits, is another incarnation:
-- what anybody remembers of the one before is not to be written into it. Epochs alone do not tell, since they went back as well.
--
--   meta.incarnation    another one after each of these: a thread that has seen the one before ends, and begins anew
--   meta.database       which database this is, as the last join or renewal has found it
--   meta.restored       when it was taken for restored, ms since 1970, as text
--   daemons.at          0: it has not said hello since then, and is asked to: so it is found out what it still runs
--   writ.database_id    server, timeline, database and schema; null where the server does not say
--   writ.restored       takes it for restored: takes the shards from everybody. By hand: `writ database restored`
--   writ.look_restored  does so by itself when this is another database than before: made from a dump, or on another timeline
--   writ.join_looking, writ.renew_looking   as join and renew, but that they look first, and tell the incarnation

create function writ.database_id() returns text
language plpgsql stable as $$
begin
  return format('%s %s %s %s',
    (select system_identifier from pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
    (select d.oid from pg_database d where d.datname = current_database()),
    'writ.meta'::regclass::oid);
exception when insufficient_privilege or undefined_function or feature_not_supported or object_not_in_prerequisite_state then
  return null;
end $$;

insert into writ.meta select 'database', writ.database_id() where writ.database_id() is not null;

create function writ.restored() returns text
language plpgsql as $$
declare
  now_ text := writ.database_id();
  incarnation text := gen_random_uuid()::text;
begin
  -- In the order in which commits lock them; each of those that are under way is waited for.
  perform from writ.shards order by shard for update;
  update writ.shards set thread = null, nonce = null, epoch = epoch + 1;
  delete from writ.threads;
  update writ.daemons set at = 0;
  insert into writ.meta values ('incarnation', incarnation), ('restored', writ.now()::text)
  on conflict (key) do update set value = excluded.value;
  delete from writ.meta where key = 'database';
  insert into writ.meta select 'database', now_ where now_ is not null;
  return incarnation;
end $$;

create function writ.look_restored() returns void
language plpgsql as $$
declare
  now_ text := writ.database_id();
begin
  if now_ is null or not exists (select from writ.meta where key = 'database' and value <> now_) then return; end if;
  -- One of those who find out does it.
  perform from writ.meta where key = 'database' for update;
  if exists (select from writ.meta where key = 'database' and value <> now_) then perform writ.restored(); end if;
end $$;

create function writ.incarnation() returns text
language sql volatile as $$ select value from writ.meta where key = 'incarnation' $$;

create function writ.join_looking(p jsonb, lease_ms integer, schema_ integer) returns jsonb
language plpgsql as $$
begin
  perform writ.look_restored();
  return writ.join(p, lease_ms, schema_) || jsonb_build_object('incarnation', writ.incarnation());
end $$;

create function writ.renew_looking(thread_ text, nonce_ text, lease_ms integer) returns jsonb
language plpgsql as $$
declare
  before text := writ.incarnation();
begin
  perform writ.look_restored();
  -- Its own lease went with the others then: a refusal would undo that.
  if before <> writ.incarnation() then
    return writ.renewal(thread_, nonce_) || jsonb_build_object('incarnation', writ.incarnation());
  end if;
  return writ.renew(thread_, nonce_, lease_ms) || jsonb_build_object('incarnation', before);
end $$;
