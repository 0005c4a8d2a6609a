-- A lease that is over counts for nobody, so the others may have begun to write machines that its node does not know. It was
-- extended all the same when it was renewed before anybody had dropped it: then such a node went on beside them, and what they wrote waited in
-- its shards for as long as it lived. Now its lease is over for good, and the thread hears why when it joins.

create or replace function writ.renew(thread_ text, nonce_ text, lease_ms integer) returns jsonb
language plpgsql as $$
begin
  update writ.threads t
  set expires = clock_timestamp() + lease_ms * interval '1 millisecond', lasts = lease_ms * interval '1 millisecond'
  where thread = thread_ and nonce = nonce_
    and (expires > clock_timestamp() or not exists (select from writ.written_machines() m where not t.machines ? m));
  if not found then
    raise exception using errcode = 'WR001', message = format('the lease of thread %s is over', thread_);
  end if;
  return writ.renewal(thread_, nonce_);
end $$;
