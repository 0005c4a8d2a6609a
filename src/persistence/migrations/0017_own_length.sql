-- How long a lease lasts is up to its thread: 0014 cut all leases to the length of the one that was made last, so that beside a
-- thread with a short lease one with a longer lease lost its shards again and again, long before it would have renewed.
--
--   threads.lasts   for how long the last join or renewal has made it; null until then for those that were there before

alter table writ.threads add column lasts interval;

create or replace function writ.renew(thread_ text, nonce_ text, lease_ms integer) returns jsonb
language plpgsql as $$
begin
  update writ.threads
  set expires = clock_timestamp() + lease_ms * interval '1 millisecond', lasts = lease_ms * interval '1 millisecond'
  where thread = thread_ and nonce = nonce_;
  if not found then
    raise exception using errcode = 'WR001', message = format('the lease of thread %s is over', thread_);
  end if;
  return writ.renewal(thread_, nonce_);
end $$;

create or replace function writ.join_looking(p jsonb, lease_ms integer, schema_ integer) returns jsonb
language plpgsql as $$
declare
  renewal jsonb;
begin
  perform writ.look_restored();
  renewal := writ.join(p, lease_ms, schema_);
  update writ.threads set lasts = lease_ms * interval '1 millisecond' where thread = p->>'thread' and nonce = p->>'nonce';
  return renewal || jsonb_build_object('incarnation', writ.incarnation());
end $$;

-- A lease that would last for longer than it was made for was made before the clock was set back.
create or replace function writ.cut_leases() returns trigger
language plpgsql as $$
begin
  with longer as (
    select thread, clock_timestamp() + coalesce(lasts, new.expires - clock_timestamp()) as until
    from writ.threads
    where expires > clock_timestamp() + coalesce(lasts, new.expires - clock_timestamp()) + interval '1 second'
    for update skip locked
  )
  update writ.threads t set expires = longer.until from longer where t.thread = longer.thread;
  return null;
end $$;
