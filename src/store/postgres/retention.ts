import type { Pruned, PruneQuery, Removed } from '../port.ts'
import { nothing, prune, removedOf, retentionColumns, type RetentionStatement } from '../sql/retention.ts'
import { integer } from '../sql/rows.ts'
import type { Base } from './base.ts'
import type { Prepared } from './statements.ts'

/** Parameters in the order of their numbers, as `RetentionStatement` names them. Rows after a seq that is known, because an index is full of those that were removed until vacuum has been there. */
const texts = {
  makeRetention: 'insert into {retention} default values on conflict do nothing',
  /** None, while another node removes something. */
  lockRetention: `select ${retentionColumns}, coalesce($1::bigint, {now_ms}()) as now from {retention} for no key update skip locked`,
  oldestEvents: `select seq, time, json_array_length(list) as events, (select max(seq) from {events}) as newest, (select min(due_at) from {open_lines}) as due
    from {events} where seq > $1 order by seq limit $2`,
  /** Lateral with a limit: before PostgreSQL has counted the rows it would go through all reservations. */
  keepEnded: `insert into {ended_reservations} (seq, time, list)
    select e.seq, e.time, json_agg(r.seq) from {events} e cross join lateral json_array_elements(e.list) event
      cross join lateral (select seq from {reservations} where id = event ->> 1 limit 1) r
    where e.seq <= $1 and event ->> 0 in ('reservation.cancelled', 'reservation.expired', 'reservation.lost') group by e.seq, e.time`,
  removeEvents: 'delete from {events} where seq <= $1',
  moveEvents: 'update {retention} set events_seq = $1, events_time = $2',
  oldestEnded: `select e.seq, e.time, json_array_length(e.list) as reservations,
      (select max(one::bigint) from json_array_elements_text(e.list) one) as last, (select max(seq) from {reservations}) as newest
    from {ended_reservations} e order by e.seq limit $1`,
  removeReservations: `delete from {reservations} where seq = any (array(
      select one::bigint from {ended_reservations} e cross join lateral json_array_elements_text(e.list) one where e.seq <= $1
    ))`,
  removeEnded: 'delete from {ended_reservations} where seq <= $1',
  moveReservations: 'update {retention} set reservations_time = $1',
  endOfAnswers: 'select scope, key from {answers} where (scope, key) > ($1, $2) order by scope, key limit 1 offset $3::bigint - 1',
  /**
   * Those that a batch makes room for at this moment are left to it. By the place of the rows, so that PostgreSQL goes through no table to join them, and by their number instead of their last key, because
   * it would go on to the end of the scope.
   */
  removeAnswers: `delete from {answers} where ctid = any (array(select ctid from {answers} where ctid = any (array(
      select ctid from (select ctid, created_at from {answers} where (scope, key) > ($1, $2) order by scope, key limit $3) next where created_at <= $4
    )) for update skip locked)) returning 1 as one`,
  moveAnswers: 'update {retention} set answers_scope = $1, answers_key = $2, answers_walk_at = $3',
} as const satisfies Record<RetentionStatement | 'makeRetention' | 'lockRetention', string>

export interface RetentionAt {
  /** `now` null: by the clock of the database. */
  readonly prune: (query: PruneQuery, now: number | null) => Promise<Pruned>
  readonly removed: () => Promise<Removed>
}

export function createRetention({ statements, url, read, guard, transact }: Base): RetentionAt {
  const sql = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, { name, text: text.replaceAll(/\{(\w+)\}/g, `"${url.schema}".$1`) }]),
  ) as Readonly<Record<keyof typeof texts, Prepared>>
  let isMade = false
  let turn = 0

  const attempt = (query: PruneQuery, now: number | null): Promise<Pruned> =>
    transact(async (session) => {
      const [row] = (await session.query(sql.lockRetention, [now])).rows
      if (row === undefined) return { answer: nothing, sent: [] }
      const asking = prune(row, query, integer(row['now']), turn++)
      const sent: Promise<unknown>[] = []
      for (let asked = asking.next(); ;) {
        if (asked.done === true) return { answer: asked.value, sent: asked.value.more ? sent : [] }
        const [statement, ...values] = asked.value
        const answered = session.query(sql[statement], values)
        sent.push(answered)
        asked = asking.next((await answered).rows)
      }
    })

  return {
    prune: (query, now) =>
      guard(async () => {
        if (!isMade) await read(sql.makeRetention)
        isMade = true
        return attempt(query, now)
      }),
    removed: () => guard(async () => removedOf((await read(statements.queries.retention))[0])),
  }
}
