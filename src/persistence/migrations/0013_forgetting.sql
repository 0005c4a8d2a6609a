-- Events of directives that go on are kept for a time; those before are forgotten, the oldest first, and the last of each stays, so
-- that numbering goes on.
--
--   directives.forgotten   the number of the last event that was forgotten: those after it are all there
alter table writ.directives add column forgotten bigint not null default 0;
