-- Who holds the shards. A lease is a row of `threads`; a shard is held by the thread that its row names with that
-- thread's nonce, as long as that lease row is there. Everything that was committed under an epoch is safe from later
-- holders because commits read the shard's row `for share` and all of these update it.
--
--   writ.join     makes the lease, fences older threads of the same home, refuses nodes that are too old
--   writ.renew    extends it
--   writ.claim    takes free shards, each with a new epoch
--   writ.reclaim  new epochs for shards that are held
--   writ.release  gives shards back; their epochs stay
--   writ.leave    gives back all of them, and the lease
--
-- SQLSTATEs of ours, in every function: WR001 fenced, WR002 conflict, WR003 refused, WR004 too large, WR005 newer schema.

create function writ.holding(thread_ text, nonce_ text) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('shard', s.shard, 'epoch', s.epoch) order by s.shard), '[]')
  from writ.shards s where s.thread = thread_ and s.nonce = nonce_
$$;

create function writ.renewal(thread_ text, nonce_ text) returns jsonb
language sql volatile as $$
  select jsonb_build_object(
    'now', writ.now(),
    'live', (select count(*) from writ.threads where expires > clock_timestamp()),
    'held', writ.holding(thread_, nonce_))
$$;

-- The machines that are written now: of each name the highest version that every live node knows.
create function writ.written_machines() returns setof text
language sql stable as $$
  with live as (select machines from writ.threads where expires > clock_timestamp()),
       known as (
         select m.machine, split_part(m.machine, '@', 1) as name,
                array(select coalesce(nullif(regexp_replace(part, '\D', '', 'g'), ''), '0')::numeric
                      from unnest(string_to_array(split_part(m.machine, '@', 2), '.')) part) as version
         from live, jsonb_array_elements_text(live.machines) m(machine)
         group by m.machine
         having count(*) = (select count(*) from live))
  select distinct on (name) machine from known order by name, version desc
$$;

create function writ.join(p jsonb, lease_ms integer, schema_ integer) returns jsonb
language plpgsql as $$
declare
  newest integer;
  unknown text;
begin
  -- Joins are rare, and read what others write: one at a time.
  perform pg_advisory_xact_lock(hashtext('writ.join'));
  select max(version) into newest from writ.migrations;
  if newest > schema_ then
    raise exception using errcode = 'WR005', message = format('the schema is %s, this node knows %s', newest, schema_);
  end if;
  delete from writ.threads where expires <= clock_timestamp();
  -- Predecessors may still run: their shards are taken from them here, so that their next commit is refused.
  with predecessors as (
    delete from writ.threads t
    where (t.thread = p->>'thread' and t.nonce <> p->>'nonce') or (t.home = p->>'home' and t.node <> p->>'node')
    returning t.thread, t.nonce
  ), theirs as (
    select s.shard from writ.shards s join predecessors using (thread, nonce) order by s.shard for update of s
  )
  update writ.shards s set thread = null, nonce = null from theirs where s.shard = theirs.shard;
  select string_agg(m, ', ') into unknown from writ.written_machines() m where not p->'machines' ? m;
  if unknown is not null then
    raise exception using errcode = 'WR003',
      message = format('live nodes write machines that this node does not know: %s', unknown);
  end if;
  insert into writ.threads values (
    p->>'thread', p->>'node', p->>'nonce', p->>'home', p->'machines',
    clock_timestamp() + lease_ms * interval '1 millisecond')
  on conflict (thread) do update set expires = excluded.expires, node = excluded.node, home = excluded.home, machines = excluded.machines;
  return writ.renewal(p->>'thread', p->>'nonce');
end $$;

create function writ.renew(thread_ text, nonce_ text, lease_ms integer) returns jsonb
language plpgsql as $$
begin
  update writ.threads set expires = clock_timestamp() + lease_ms * interval '1 millisecond'
  where thread = thread_ and nonce = nonce_;
  if not found then
    raise exception using errcode = 'WR001', message = format('the lease of thread %s is over', thread_);
  end if;
  return writ.renewal(thread_, nonce_);
end $$;

-- Locks of a commit that is still running on a dead holder's behalf are passed over; the next claim finds the shard.
create function writ.claim(thread_ text, nonce_ text, count_ integer) returns jsonb
language plpgsql as $$
declare
  taken jsonb;
begin
  perform from writ.threads t where t.thread = thread_ and t.nonce = nonce_ and t.expires > clock_timestamp() for key share;
  if not found then
    raise exception using errcode = 'WR001', message = format('the lease of thread %s is over', thread_);
  end if;
  -- Whose lease is over is fenced whole: a renewal that comes now finds no row.
  delete from writ.threads where expires <= clock_timestamp();
  with free as (
    select s.shard from writ.shards s
    where not exists (select from writ.threads t where t.thread = s.thread and t.nonce = s.nonce)
    order by s.shard
    limit count_
    for update skip locked
  ), claimed as (
    update writ.shards s set thread = thread_, nonce = nonce_, epoch = s.epoch + 1
    from free where s.shard = free.shard
    returning s.shard, s.epoch
  )
  select coalesce(jsonb_agg(to_jsonb(claimed) order by claimed.shard), '[]') into taken from claimed;
  return taken;
end $$;

create function writ.reclaim(thread_ text, nonce_ text, shards_ jsonb) returns jsonb
language sql as $$
  with held as (
    select s.shard from writ.shards s
    where s.shard in (select value::smallint from jsonb_array_elements_text(shards_))
      and s.thread = thread_ and s.nonce = nonce_
    order by s.shard
    for update
  ), renewed as (
    update writ.shards s set epoch = s.epoch + 1 from held where s.shard = held.shard
    returning s.shard, s.epoch
  )
  select coalesce(jsonb_agg(to_jsonb(renewed) order by renewed.shard), '[]') from renewed
$$;

create function writ.release(thread_ text, nonce_ text, shards_ jsonb) returns void
language sql as $$
  with held as (
    select s.shard from writ.shards s
    where s.shard in (select value::smallint from jsonb_array_elements_text(shards_))
      and s.thread = thread_ and s.nonce = nonce_
    order by s.shard
    for update
  )
  update writ.shards s set thread = null, nonce = null from held where s.shard = held.shard
$$;

create function writ.leave(thread_ text, nonce_ text) returns void
language plpgsql as $$
begin
  perform writ.release(thread_, nonce_, (select coalesce(jsonb_agg(shard), '[]') from writ.shards));
  delete from writ.threads where thread = thread_ and nonce = nonce_;
end $$;
