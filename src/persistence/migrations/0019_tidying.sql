-- What is looked for by its age is looked for in parts, however much is kept, and what is asked of each has its index.
--
--   plans, blobs            in the order in which a walk through them goes
--   writ.plan_named         the plan that a message names: `{plan: {hash, …}}` as msgpack writes it; `*` when it names several, '' when none
--   messages, parked        those that name one, by what they name
--   writ.plan_used          whether anything has come to use a plan, or may still. Sees what the statement sees that asks it
--   files → blobs.at        a content that a file refers to no more counts as put then, so that who reads it can go on

create index plans_walk on writ.plans (at, hash);
drop index writ.plans_at;
create index blobs_walk on writ.blobs (at, hash);
drop index writ.blobs_at;

create function writ.plan_named(body bytea) returns text
language sql immutable parallel safe as $$
  select case count(distinct found[1]) when 0 then '' when 1 then min(found[1]) else '*' end
  from regexp_matches(encode(body, 'escape'),
    '\\244plan(?:\\336\\000.|\\2[01][0-7])\\244hash\\331@([0-9a-f]{64})', 'g') found
$$;

-- Not a gin index of all that each names: its keys would outlive the messages for ever.
create index messages_plans on writ.messages ((writ.plan_named(body) collate "C")) where position('hash'::bytea in body) > 0;
create index parked_plans on writ.parked ((writ.plan_named(body) collate "C")) where position('hash'::bytea in body) > 0;

create function writ.plan_used(hash_ text) returns boolean
language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  bytes bytea := convert_to(hash_, 'UTF8');
begin
  return exists (select from writ.chains c where c.hash = hash_)
      or exists (select from writ.directives d where d.plan = hash_)
      or exists (select from writ.messages m
                 where position('hash'::bytea in m.body) > 0 and writ.plan_named(m.body) collate "C" = hash_)
      or exists (select from writ.messages m
                 where position('hash'::bytea in m.body) > 0 and writ.plan_named(m.body) collate "C" = '*' and position(bytes in m.body) > 0)
      or exists (select from writ.parked k
                 where position('hash'::bytea in k.body) > 0 and writ.plan_named(k.body) collate "C" = hash_)
      or exists (select from writ.parked k
                 where position('hash'::bytea in k.body) > 0 and writ.plan_named(k.body) collate "C" = '*' and position(bytes in k.body) > 0);
end $$;

-- One that is locked is being put again, or dropped: a commit does not wait for that.
create function writ.keep_content() returns trigger
language plpgsql as $$
begin
  update writ.blobs set at = writ.now()
  where hash = any(array(select b.hash from writ.blobs b where b.hash = old.hash for update skip locked));
  return null;
end $$;

create trigger content_replaced after update of hash on writ.files
for each row when (old.hash is distinct from new.hash) execute function writ.keep_content();
create trigger content_left after delete on writ.files
for each row execute function writ.keep_content();
