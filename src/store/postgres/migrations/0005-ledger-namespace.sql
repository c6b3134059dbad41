-- The namespace of the store in memory that it is the ledger of; null: none yet. The mark of the last batch of the journal that it has.
alter table ledger add column namespace text, add column mark text not null default '';
