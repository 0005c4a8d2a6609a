-- When a message came into its mailbox, so that people see how long the oldest has waited. Nothing is decided by it. What waits at this
-- moment counts from now. The start of the transaction is near enough, and costs an insert nothing that can be measured; writ.now()
-- would be a sixth more.

alter table writ.messages add column came timestamptz not null default now();
