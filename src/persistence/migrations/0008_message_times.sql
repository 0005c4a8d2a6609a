-- When a message came into its mailbox, so that people see how long the oldest has waited. Nothing is decided by it. What waits at this
-- moment counts from now.

alter table writ.messages add column at bigint not null default writ.now();
