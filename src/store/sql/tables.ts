/** What a copy moves from one SQL store to another: each table with its key, in the order in which one refers to the other, and the types of PostgreSQL. */
export const copiedTables = {
  products: {
    key: ['sku'],
    columns:
      'sku text, name text, description text, price_amount bigint, price_currency text, max_per_user bigint, counted_from bigint, reservation_ttl_seconds bigint, sale_starts_at bigint, sale_ends_at bigint, created_at bigint, updated_at bigint',
  },
  stock: { key: ['sku'], columns: 'sku text, total bigint, reserved bigint, sold bigint, version bigint' },
  reservations: {
    key: ['seq'],
    columns:
      'seq bigint, id text, user_id text, status text, items json, metadata json, created_at bigint, expires_at bigint, ended_at bigint, order_id text, slots json',
  },
  slots: { key: ['name', 'reservation_seq'], columns: 'name text, reservation_seq bigint' },
  open_lines: {
    key: ['block', 'sku', 'due_at', 'chunk'],
    columns: 'block bigint, sku text, due_at bigint, chunk bigint, units bigint',
  },
  held_lines: {
    key: ['sku', 'user_id', 'reservation_seq'],
    columns: 'sku text, user_id text, reservation_seq bigint, quantity bigint, due_at bigint',
  },
  orders: {
    key: ['seq'],
    columns: 'seq bigint, id text, reservation_id text, user_id text, status text, metadata json, created_at bigint, cancelled_at bigint',
  },
  events: { key: ['seq'], columns: 'seq bigint, time bigint, list json' },
  ended_reservations: { key: ['seq'], columns: 'seq bigint, time bigint, list json' },
  retention: {
    key: ['events_seq'],
    columns:
      'events_seq bigint, events_time bigint, reservations_time bigint, answers_scope text, answers_key text, answers_walk_at bigint',
  },
  ledger: { key: ['id'], columns: 'id text, generation bigint, position bigint, namespace text, mark text' },
  notes: { key: ['name'], columns: 'name text, version text, value text' },
  answers: { key: ['scope', 'key'], columns: 'scope text, key text, fingerprint text, created_at bigint, created smallint, value text' },
} as const

export type CopiedTable = keyof typeof copiedTables

/** SQL for how much a table has: rows; of events, which share rows, the events. */
export function countOf(table: string): string {
  return table === 'events' ? 'coalesce(sum(json_array_length(list)), 0)' : 'count(*)'
}

/** How much of each table. */
export type CopyReport = Readonly<Record<string, number>>
