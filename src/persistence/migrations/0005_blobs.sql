-- When a content was last put, so that those of uploads that were never finished, chunks whose file was put together, and
-- what files were replaced by can be dropped once nothing refers to them (tidy). Those that are here count as put now.
alter table writ.blobs add column at bigint not null default writ.now();
create index blobs_at on writ.blobs (at);
create index files_hash on writ.files (hash);
