-- Every renewal says which machines are written now, so that a thread begins no actor on one that another live node cannot open.

create or replace function writ.renewal(thread_ text, nonce_ text) returns jsonb
language sql volatile as $$
  select jsonb_build_object(
    'now', writ.now(),
    'live', (select count(*) from writ.threads where expires > clock_timestamp() and not leaving),
    'share', writ.share_of(thread_),
    'machines', (select coalesce(jsonb_agg(m), '[]') from writ.written_machines() m),
    'held', writ.holding(thread_, nonce_))
$$;
