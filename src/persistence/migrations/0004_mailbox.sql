-- writ.enqueue: a message of the stream into the mailbox, once by the stream's incarnation and sequence.
--   → null: that sequence was here before. Else how many more fit, when `capacity` was given (0 when not).
--   → WR004 when the actor's mailbox is full; then the sequence was not taken either.
create function writ.enqueue(incarnation_ text, sequence_ bigint, shard_ integer, to_ text, body_ bytea, capacity bigint)
returns bigint
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  room bigint := 0;
begin
  insert into writ.ingress (incarnation, sequence, at) values (incarnation_, sequence_, writ.now())
  on conflict (incarnation, sequence) do nothing;
  if not found then return null; end if;
  if capacity is not null then
    select capacity - count(*) - 1 into room
    from (select from writ.messages m where m."to" = to_ limit capacity) waiting;
    if room < 0 then
      raise exception using errcode = 'WR004', message = format('the mailbox of %s is full (%s messages)', to_, capacity);
    end if;
  end if;
  insert into writ.messages (shard, "to", "from", body) values (shard_, to_, 'stream', body_);
  return room;
end $$;
