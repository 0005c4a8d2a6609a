-- What has not ended is found by one index, however much has: `writ waiting`, `writ inbox` and `show` read along it.
--
--   actors.ended      true for steps as well: once passed, failed, cancelled or skipped
--   actors_live       by owner and directive; a step is in it from its first message to its end. None of its columns changes
--                     but `ended`, once in the life of most actors, so updates in between touch no index

-- Before the rows: whoever commits now is waited for, and no commit and this can each wait for the other.
lock table writ.actors in share row exclusive mode;
update writ.actors set ended = true
where kind = 'step' and not ended and status in ('passed', 'failed', 'cancelled', 'skipped');
create index actors_live on writ.actors (owner, directive, key) where not ended;
