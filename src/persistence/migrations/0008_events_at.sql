-- What all directives of an owner have told since a time is found along that time (`writ directive events --since`, `--follow`).
-- The table only grows, in the order of time: new entries go to the end of the index.
create index events_at on writ.events (at);
