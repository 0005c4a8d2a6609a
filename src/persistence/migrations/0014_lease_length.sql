-- No lease is longer than one that is made now. When the database's clock is set back, the lease of a thread that has died
-- would otherwise last for as much longer, and nobody would take its shards. Threads that live renew theirs soon.
-- The others' rows are cut by whoever makes or renews a lease; one that somebody holds just now is cut the next time.

create function writ.cut_leases() returns trigger
language plpgsql as $$
begin
  with longer as (
    select thread from writ.threads where expires > new.expires + interval '1 second' for update skip locked
  )
  update writ.threads t set expires = new.expires from longer where t.thread = longer.thread;
  return null;
end $$;

create trigger cut_leases after insert or update of expires on writ.threads
for each row when (pg_trigger_depth() = 0) execute function writ.cut_leases();
