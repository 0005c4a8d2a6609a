-- Sharing the shards among the threads of all nodes. A renewal tells each thread its exact share, and the shares of all
-- threads together are all shards: they differ by one at most, and nobody waits for what nobody gives up. Which threads
-- have one more is settled by their names, so that it stays so until a thread comes or goes.
-- A thread that leaves says so first: it has no share from then on, and others take what it gives up while it still serves
-- the rest. Nodes of an older version read `live`, which therefore does not count it.
-- What a lease row says of its node besides is for people (`writ node list`).

alter table writ.threads
  add column leaving boolean not null default false,
  add column since   timestamptz not null default clock_timestamp(),
  add column version text,
  add column schema  integer;

create function writ.share_of(thread_ text) returns integer
language sql stable as $$
  with staying as (
    select thread, row_number() over (order by thread) as place, count(*) over () as threads
    from writ.threads where expires > clock_timestamp() and not leaving
  ), shards as (select count(*) as count from writ.shards)
  select coalesce((
    select shards.count / threads + case when place <= shards.count % threads then 1 else 0 end
    from staying, shards where thread = thread_), 0)
$$;

create or replace function writ.renewal(thread_ text, nonce_ text) returns jsonb
language sql volatile as $$
  select jsonb_build_object(
    'now', writ.now(),
    'live', (select count(*) from writ.threads where expires > clock_timestamp() and not leaving),
    'share', writ.share_of(thread_),
    'held', writ.holding(thread_, nonce_))
$$;

-- From now on the thread has no share. It keeps its lease, and what it holds, until it gives that up.
create function writ.drain(thread_ text, nonce_ text) returns jsonb
language plpgsql as $$
begin
  update writ.threads set leaving = true where thread = thread_ and nonce = nonce_;
  if not found then
    raise exception using errcode = 'WR001', message = format('the lease of thread %s is over', thread_);
  end if;
  return writ.renewal(thread_, nonce_);
end $$;
