/**
 * Small, wrong changes to the source. Each takes away one guard; the named tests must then fail.
 * `npm run test:mutants` runs them and prints "caught n of m".
 *
 * @typedef {object} Mutant
 * @property {string} name A short slug, the value of HOLDFAST_MUTANT.
 * @property {string} breaks What stops being true, in one sentence, with the invariant's id.
 * @property {string} file The source file it changes, relative to the root of the repository.
 * @property {string} find Text that occurs exactly once in that file.
 * @property {string} replace What stands there instead.
 * @property {string[]} tests The test files that must notice, relative to the root.
 */

const model = 'test/model/model.test.ts'
const lossyModel = 'test/model/lossy-store.test.ts'
const aroundExpiry = 'test/races/around-expiry.test.ts'
const batcher = 'test/engine/batcher.test.ts'
const carts = 'test/races/carts.test.ts'
const counter = 'test/http/limits/counter.test.ts'
const duplicates = 'test/races/duplicates.test.ts'
const lastUnit = 'test/races/last-unit.test.ts'
const lostAnswers = 'test/races/lost-answers.test.ts'
const dialectErrors = 'test/http/dialects/errors.test.ts'
const dialects = 'test/http/dialects/one-engine.test.ts'
const identity = 'test/http/identity.test.ts'
const ledger = 'test/store/ledger.test.ts'
const rabbitMq = 'test/events/rabbitmq.test.ts'
const webhookAddresses = 'test/events/webhooks/addresses.test.ts'
const webhookRoutes = 'test/http/webhooks.test.ts'
const webhookSending = 'test/events/webhooks/sending.test.ts'
const webhooksKept = 'test/events/webhooks/keeping.test.ts'
const streams = 'test/http/streams.test.ts'
const rateLimits = 'test/http/rate-limits.test.ts'
const redisDifferential = 'test/store/redis-differential.test.ts'
const redisGuards = 'test/store/redis-guards.test.ts'
const redisRewind = 'test/store/redis-rewind.test.ts'
const postgresConnections = 'test/store/postgres-connections.test.ts'
const postgresLate = 'test/store/postgres-late.test.ts'
const postgresMigrations = 'test/store/postgres-migrations.test.ts'
const postgresNodes = 'test/store/postgres-nodes.test.ts'
const postgresSlots = 'test/store/postgres-slots.test.ts'
const retention = 'test/store/retention.test.ts'
const postgresSilence = 'test/store/postgres-silence.test.ts'

/** @type {Mutant[]} */
export const mutants = [
  {
    name: 'events-of-the-last-hour-removed',
    breaks: 'events of the last hour stay, whatever is set (E2)',
    file: 'src/store/sql/retention.ts',
    find: 'now - Math.max(eventsMs, eventsMsMin)',
    replace: 'now - eventsMs',
    tests: ['test/store/sqlite.test.ts'],
  },
  {
    name: 'gap-in-the-feed-not-noticed',
    breaks: 'a reader whose next event was removed is told so (E2)',
    file: 'src/store/sql/pages.ts',
    find: 'Number(cursor) < Number(events.cursor)',
    replace: 'Number(cursor) < 0',
    tests: ['test/http/retention.test.ts'],
  },
  {
    name: 'newest-event-removed',
    breaks: 'the number of an event is never used again (E4)',
    file: 'src/store/sql/retention.ts',
    find: `integer(one['time']) < before && integer(one['seq']) < integer(one['newest'])`,
    replace: `integer(one['time']) < before`,
    tests: ['test/store/sqlite.test.ts', retention],
  },
  {
    name: 'events-removed-past-what-is-due',
    breaks: 'an audit of what is kept can tell what is due from what has ended (S3)',
    file: 'src/store/sql/retention.ts',
    find: 'due === null ? Infinity : integer(due)',
    replace: 'Infinity',
    tests: [retention],
  },
  {
    name: 'answers-removed-within-24-hours',
    breaks: 'the same key is given the same answer for 24 hours (I2)',
    file: 'src/store/sql/retention.ts',
    find: 'const ageMs = Math.max(answersMs, idempotencyWindowMs)',
    replace: 'const ageMs = answersMs + 1',
    tests: ['test/store/sqlite.test.ts'],
  },
  {
    name: 'reservations-removed-before-their-events',
    breaks: 'a reservation stays as long as an event tells of it (E4)',
    file: 'src/store/sql/retention.ts',
    find: `  yield ['removeEvents', seq]
`,
    replace: '',
    tests: ['test/store/sqlite.test.ts'],
  },
  {
    name: 'wrong-keys-not-counted',
    breaks: 'keys cannot be guessed faster than requests may come',
    file: 'src/http/limits/rate-limit.ts',
    find: 'void counter.hit(addressOf(request))',
    replace: 'void addressOf(request)',
    tests: [rateLimits],
  },
  {
    name: 'no-limit-while-the-store-is-away',
    breaks: 'a node that cannot ask the store counts requests by itself',
    file: 'src/http/limits/shared-counter.ts',
    find: 'if (now() < awayUntil) return own.hit(client)',
    replace: 'if (now() < awayUntil) return { requests: 1, endsAt: awayUntil }',
    tests: [counter],
  },
  {
    name: 'no-load-shedding',
    breaks: 'a reserve that would wait for too long is refused at once',
    file: 'src/engine/batcher.ts',
    find: 'pace.expectedWaitMs(waiting) > waitMsMax',
    replace: 'pace.expectedWaitMs(waiting) < 0',
    tests: [batcher],
  },
  {
    name: 'no-stock-check',
    breaks: 'a reservation needs free units (S1)',
    file: 'src/domain/decide-reserve.ts',
    find: 'if (free >= quantity) continue',
    replace: 'if (free >= quantity || true) continue',
    tests: [lastUnit],
  },
  {
    name: 'lines-one-by-one',
    breaks: 'a refused cart holds none of its lines (S5)',
    file: 'src/domain/decide-reserve.ts',
    find: '  if (refusal !== null) return refuse(refusal)\n',
    replace: `  if (refusal !== null) {
    const short = refusal.code === 'insufficient_stock' ? refusal.items.map((item) => item.sku) : lines.map((line) => line.sku)
    for (const { sku, quantity } of lines) if (!short.includes(sku)) books.move(sku, { reserved: quantity })
    return refuse(refusal)
  }\n`,
    tests: [carts],
  },
  {
    name: 'lines-not-merged',
    breaks: 'lines of the same sku are one line before anything is checked (S5)',
    file: 'src/domain/reservation.ts',
    find: 'if (lines.length === 1) return lines',
    replace: 'return lines',
    tests: [carts],
  },
  {
    name: 'sweeper-ignores-state',
    breaks: 'only what is active can be due (H1, H2)',
    file: 'src/domain/reservation.ts',
    find: "return row.status === 'active' && now >= row.expiresAt",
    replace: 'return now >= row.expiresAt',
    tests: [model],
  },
  {
    name: 'expired-one-millisecond-early',
    breaks: 'nothing expires before its expiresAt (H4)',
    file: 'src/domain/reservation.ts',
    find: "return row.status === 'active' && now >= row.expiresAt",
    replace: "return row.status === 'active' && now >= row.expiresAt - 1",
    tests: [aroundExpiry],
  },
  {
    name: 'confirm-ignores-expiry',
    breaks: 'nothing is confirmed at or after its expiresAt (H5)',
    file: 'src/domain/decide.ts',
    find: 'for (const row of due) endByTime(books, row)',
    replace:
      "for (const row of due) if (!commands.some((one) => one.type === 'confirm' && one.reservationId === row.id)) endByTime(books, row)",
    tests: [aroundExpiry],
  },
  {
    name: 'cancel-without-winning-the-row',
    breaks: 'units come back only with the transition that wins the reservation (H1, H3)',
    file: 'src/domain/decide-end.ts',
    find: `  if (row.status === 'cancelled') return { ok: true, value: viewReservation(row, books.now), created: false, replayed: false }
  if (row.status !== 'active') return { ok: false, refusal: endedRefusal(row.status) }\n`,
    replace: '',
    tests: [aroundExpiry],
  },
  {
    name: 'expiry-moves-back',
    breaks: 'expiresAt never moves back (H7)',
    file: 'src/domain/decide-end.ts',
    find: 'const expiresAt = Math.max(row.expiresAt, books.now + command.ttlMs)',
    replace: 'const expiresAt = books.now + command.ttlMs',
    tests: [model],
  },
  {
    name: 'anybody-may-end-it',
    breaks: 'only the owner or an operator ends a reservation (H8)',
    file: 'src/domain/decide-end.ts',
    find: 'if (userId !== null && userId !== row.userId)',
    replace: "if (userId === '')",
    tests: [model],
  },
  {
    name: 'order-cancel-restocks-twice',
    breaks: 'cancelling an order restocks once (O5)',
    file: 'src/domain/decide-order.ts',
    find: "if (order.status === 'cancelled') return",
    replace: "if (order.status === 'cancelled' && command.orderId === '') return",
    tests: [model],
  },
  {
    name: 'answer-not-kept',
    breaks: 'the answer to a key is stored in the step that has the effect (I1)',
    file: 'src/domain/decide.ts',
    find: 'if (outcome.ok) books.keep(',
    replace: "if (outcome.ok && idempotency.scope === '') books.keep(",
    tests: [duplicates],
  },
  {
    name: 'key-checked-before-the-batch',
    breaks: 'of two equal requests in one batch the second finds the answer of the first (I1, I4)',
    file: 'src/domain/decide.ts',
    find: 'const outcomes = commands.map((command) => answer(books, command, due.length))',
    replace: `const outcomes = commands.map((command) => {
    if (command.idempotency === null || facts.answers.has(answerKey(command.idempotency))) return answer(books, command, due.length)
    const outcome = act(books, command, due.length)
    if (outcome.ok) books.keep(command.idempotency, outcome.created, outcome.value)
    return outcome
  })`,
    tests: [duplicates],
  },
  {
    name: 'reused-key-answers',
    breaks: 'a key that comes with another request is refused (I3)',
    file: 'src/domain/decide.ts',
    find: 'if (stored.idempotency.fingerprint !== idempotency.fingerprint) return',
    replace: "if (stored.idempotency.fingerprint === '?') return",
    tests: [duplicates],
  },
  {
    name: 'key-of-another-caller',
    breaks: 'a key is only seen in its own scope: caller and route (I6)',
    file: 'src/domain/facts.ts',
    find: 'return JSON.stringify([scope, key])',
    replace: 'return JSON.stringify([scope.length > 0, key])',
    tests: [model],
  },
  {
    name: 'key-not-scoped-by-caller',
    breaks: 'nobody gets the answer to another caller (I6)',
    file: 'src/http/answer.ts',
    find: '`${request.caller.name} ${route}`',
    replace: '`${request.caller.name.length > 0} ${route}`',
    tests: [identity],
  },
  {
    name: 'owner-not-named-to-the-store',
    breaks: 'a user ends only their own, by the step that decides it (H8)',
    file: 'src/http/user-id.ts',
    find: 'input.userId ??= userId',
    replace: 'void input.userId',
    tests: [identity],
  },
  {
    name: 'route-open-to-every-key',
    breaks: 'a key does only what its scope allows',
    file: 'src/http/caller.ts',
    find: 'if (who.includes(caller.role)) return null',
    replace: "if (caller.role !== 'stranger') return null",
    tests: ['test/http/who-may.test.ts'],
  },
  {
    name: 'key-of-another-route',
    breaks: 'a key is only seen in its own scope: caller and route (I6)',
    file: 'src/http/answer.ts',
    find: 'scope: `${request.caller.name} ${route}`',
    replace: 'scope: `${request.caller.name} ${route.length > 0}`',
    tests: ['test/http/idempotency.test.ts'],
  },
  {
    name: 'app-clock',
    breaks: "the store's clock decides, at the decision (H4, H5)",
    file: 'src/store/sqlite/store.ts',
    find: 'const now = clock()',
    replace: 'const now = systemClock()',
    tests: [aroundExpiry],
  },
  {
    name: 'due-units-stay-held',
    breaks: 'due units are sellable in the batch that needs them (H6)',
    file: 'src/store/sqlite/load.ts',
    find: 'if (missing <= 0) continue',
    replace: 'if (missing !== 0) continue',
    tests: ['test/store/sqlite.test.ts'],
  },
  {
    name: 'too-few-due-units',
    breaks: 'so many due reservations are reclaimed that they cover what is wanted (H6)',
    file: 'src/store/sqlite/load.ts',
    find: 'missing -= item.quantity',
    replace: 'missing -= 1_000_000 * item.quantity',
    tests: ['test/store/sqlite.test.ts'],
  },
  {
    name: 'repeat-is-a-new-command',
    breaks: 'a batch of unknown outcome is repeated as such and finds what it did (O4, I1)',
    file: 'src/engine/batcher.ts',
    find: 'repeat: repeat || attempt > 1',
    replace: 'repeat: false',
    tests: [lostAnswers],
  },
  {
    name: 'adjustment-adds-up',
    breaks: 'an adjustment whose answer was lost is not done twice (I1)',
    file: 'src/engine/commands.ts',
    find: "return { type: 'adjustStock', sku, delta, reason: reason ?? null, idempotency: idempotency ?? ownKey() }",
    replace: "return { type: 'adjustStock', sku, delta, reason: reason ?? null, idempotency }",
    tests: [lossyModel],
  },
  {
    name: 'event-not-written',
    breaks: 'every transition appends its event in the same step (E1)',
    file: 'src/store/sql/save.ts',
    find: 'sql.insertEvents(eventValues(changes.events))',
    replace: "sql.insertEvents(eventValues(changes.events.filter(({ type }) => type !== 'order.cancelled')))",
    tests: [model],
  },
  {
    name: 'ended-lines-stay-open',
    breaks: 'units that were confirmed or cancelled do not come back at their due time (S2)',
    file: 'src/store/sql/save.ts',
    find: 'sql.closeLines(lines.closed.values)',
    replace: '',
    tests: [model],
  },
  {
    name: 'limit-counts-active-only',
    breaks: 'a limit per user counts what was bought too (U1)',
    file: 'src/store/sqlite/statements.ts',
    find: 'h.reservation_seq >= w.counted_from and (h.due_at is null or h.due_at > ?2)',
    replace: 'h.reservation_seq >= w.counted_from and h.due_at > ?2',
    tests: [lastUnit],
  },
  {
    name: 'limit-blind-within-a-batch',
    breaks: 'a limit per user counts what the batch has given already (U1)',
    file: 'src/domain/books.ts',
    find: 'skus.set(sku, counted + units)',
    replace: 'skus.set(sku, counted)',
    tests: [lastUnit],
  },
  {
    name: 'batch-is-not-atomic',
    breaks: 'facts are read and changes written in one transaction (S1, O1)',
    file: 'src/store/sqlite/statements.ts',
    find: "commit: 'commit'",
    replace: "commit: 'rollback'",
    tests: [lastUnit],
  },
  {
    name: 'postgres-no-locks',
    breaks: 'nobody changes the stock between the read and the write of another node (S1, S4)',
    file: 'src/store/postgres/statements.ts',
    find: 'order by s.sku for no key update',
    replace: 'order by s.sku',
    tests: [postgresNodes],
  },
  {
    name: 'postgres-locks-in-any-order',
    breaks: 'skus are locked in one global order, so that carts that cross do not block each other',
    file: 'src/store/postgres/statements.ts',
    find: 'order by s.sku for no key update',
    replace: 'order by random() for no key update',
    tests: [postgresNodes],
  },
  {
    name: 'postgres-key-of-another-node',
    breaks: 'of equal requests at two nodes one finds the answer of the other (I1, I4)',
    file: 'src/store/postgres/statements.ts',
    find: '(scope, key, fingerprint, created_at, created, value) select * from ${rows} d',
    replace: '(scope, key, fingerprint, created_at, created, value) select * from ${rows} d on conflict do nothing',
    tests: [postgresNodes],
  },
  {
    name: 'postgres-stale-product',
    breaks: 'a product that another node changed is read anew (U1)',
    file: 'src/store/postgres/load.ts',
    find: 'knownProducts.get(sku)?.version !== version',
    replace: '!knownProducts.has(sku) && version > 0',
    tests: [postgresNodes],
  },
  {
    name: 'journal-in-any-order',
    breaks: 'a ledger takes each batch of the journal once and in order (I1, S1)',
    file: 'src/store/sqlite/ledger.ts',
    find: 'if (state.generation !== generation || state.position !== from) return state',
    replace: 'if (state.generation !== generation || state.position > to) return state',
    tests: [ledger],
  },
  {
    name: 'postgres-journal-of-the-old-generation',
    breaks: 'whoever knows only the generation before appends nothing (S1, H1)',
    file: 'src/store/postgres/ledger.ts',
    find: 'if (found.generation !== generation || found.position !== from) return',
    replace: 'if (found.position !== from) return',
    tests: [ledger],
  },
  {
    name: 'postgres-ledger-not-locked',
    breaks: 'of two nodes that append the same batch one finds that the other did (I4)',
    file: 'src/store/postgres/statements.ts',
    find: 'lockLedger: `select ${ledgerColumns} from {ledger} for update`',
    replace: 'lockLedger: `select ${ledgerColumns} from {ledger}`',
    tests: [ledger],
  },
  {
    name: 'postgres-take-over-together',
    breaks: 'one node at a time takes a ledger over',
    file: 'src/store/postgres/ledger.ts',
    find: 'if (rows[0]?.locked === true) {',
    replace: 'if (rows.length > 0) {',
    tests: [ledger],
  },
  {
    name: 'replay-sells-what-is-not-there',
    breaks: 'no journal makes the ledger sell more than there is (S1, S6)',
    file: 'src/domain/replay.ts',
    find: 'if (reserved >= 0 && sold >= 0 && reserved + sold <= total) continue',
    replace: 'if (version > 0) continue',
    tests: ['test/domain/replay.test.ts'],
  },
  {
    name: 'ledger-opens-as-a-store',
    breaks: 'nobody sells from a ledger besides the store in memory (S1)',
    file: 'src/store/sql/ledger.ts',
    find: "if (row === undefined || integer(row['generation']) === 0) return",
    replace: 'return',
    tests: [ledger],
  },
  {
    name: 'postgres-migration-takes-rights-away',
    breaks: 'a service of another role may use the tables that a migration makes',
    file: 'src/store/postgres/migrate.ts',
    find: '    await passOnRights(client, schema)\n',
    replace: '',
    tests: [postgresMigrations],
  },
  {
    name: 'postgres-silent-node-keeps-its-locks',
    breaks: 'the database ends a transaction that waits for a silent node (S9)',
    file: 'src/store/postgres/statements.ts',
    find: "set_config('idle_in_transaction_session_timeout', $3, true)",
    replace: "set_config('idle_in_transaction_session_timeout', left($3, 0) || '0', true)",
    tests: [postgresSilence],
  },
  {
    name: 'postgres-half-a-message-keeps-its-locks',
    breaks: 'a node that waits in vain ends the transaction of one that fell silent in the middle of a message (S9)',
    file: 'src/store/postgres/base.ts',
    find: 'if (isLockTimeout(error)) await',
    replace: 'if (isLockTimeout(error) && collisions < 0) await',
    tests: [postgresSilence],
  },
  {
    name: 'postgres-late-batch-counts-twice',
    breaks: 'a batch that arrives after it was repeated finds what the repeat did, and the other way round (O4, I1)',
    file: 'src/engine/batcher.ts',
    find: 'repeat: repeat || attempt > 1',
    replace: 'repeat',
    tests: [postgresLate],
  },
  {
    name: 'postgres-waits-for-a-connection',
    breaks: 'whoever finds all connections busy hears of it within the bound',
    file: 'src/store/postgres/connect.ts',
    find: 'connectionTimeoutMillis: options.connectMsMax,',
    replace: '',
    tests: [postgresConnections],
  },
  {
    name: 'client-key-of-each-attempt',
    breaks: 'the attempts of one call of the client have one effect (I1)',
    file: 'src/client/exchange.ts',
    find: "headers['idempotency-key'] = idempotencyKey",
    replace: "headers['idempotency-key'] = `${idempotencyKey} ${performance.now()}`",
    tests: ['test/client/network.test.ts'],
  },
  {
    name: 'redis-ledger-of-yesterday',
    breaks: 'an older copy of the ledger is refused, also of the same generation (O1)',
    file: 'src/store/redis/memory.ts',
    find: 'found.generation === state.generation && found.base > state.position',
    replace: 'found.generation < 0',
    tests: ['test/store/redis-opening.test.ts'],
  },
  {
    name: 'redis-database-that-is-not-there',
    breaks: 'a database that is not there is not database 0',
    file: 'src/store/redis/connect.ts',
    find: 'if (told !== undefined) throw told as Error',
    replace: '',
    tests: ['test/store/redis-opening.test.ts'],
  },
  {
    name: 'redis-rights-found-out-later',
    breaks: 'a user who lacks a right is refused at the start',
    file: 'src/store/redis/inspect.ts',
    find: 'await checkRights(connection, url)',
    replace: '',
    tests: ['test/store/redis-opening.test.ts'],
  },
  {
    name: 'redis-no-stock-check',
    breaks: 'a reservation needs free units (S1)',
    file: 'src/store/redis/lua/batch/decide.lua',
    find: 'if free < line[2] then',
    replace: 'if free < line[2] and stock.total == 0 then',
    tests: [redisDifferential],
  },
  {
    name: 'redis-lines-one-by-one',
    breaks: 'a refused cart holds none of its lines (S5)',
    file: 'src/store/redis/lua/batch/decide.lua',
    find: '  if short then\n    return short\n',
    replace: `  if short then
    for _, line in ipairs(command.lines) do
      local stock = stocks[line[1]]
      if stock.total - stock.reserved - stock.sold >= line[2] then
        move(line[1], 0, line[2], 0)
      end
    end
    return short\n`,
    tests: [redisDifferential],
  },
  {
    name: 'redis-missing-books-are-empty',
    breaks: 'a missing fact fails closed: books that are missing are not books of nothing (S1)',
    file: 'src/store/redis/lua/batch/facts.lua',
    find: "    broken = 'the books of ' .. sku .. ' are missing'\n  end\nend\n\nlocal function stockOf",
    replace: "    stocks[sku] = readStock(sku, '0 0 0 1 - - - - -')\n  end\nend\n\nlocal function stockOf",
    tests: [redisGuards],
  },
  {
    name: 'redis-expiry-ignores-the-state',
    breaks: 'only what is active can be due (H1, H3)',
    file: 'src/store/redis/lua/batch/due.lua',
    find: "if row and row.status == 'a' and row.expiresAt <= now then",
    replace: 'if row and row.expiresAt <= now then',
    tests: [redisDifferential],
  },
  {
    name: 'redis-confirm-ignores-expiry',
    breaks: 'nothing is confirmed at or after its expiresAt (H5)',
    file: 'src/store/redis/lua/batch/due.lua',
    find: "if row and row.status == 'a' and row.expiresAt <= now then",
    replace: 'if row and false then',
    tests: [redisDifferential],
  },
  {
    name: 'redis-cancel-without-winning-the-row',
    breaks: 'units come back only with the transition that wins the reservation (H1, H3)',
    file: 'src/store/redis/lua/batch/decide.lua',
    find: `  if row.status ~= 'x' then
    if row.status ~= 'a' then
      return endedReply[row.status]
    end
    giveBack(row, 'x', 'X', now)
  end\n`,
    replace: "  giveBack(row, 'x', 'X', now)\n",
    tests: [redisDifferential],
  },
  {
    name: 'redis-answer-not-kept',
    breaks: 'the answer to a key is stored in the step that has the effect (I1)',
    file: 'src/store/redis/lua/batch/write.lua',
    find: "redis.call('SET', P .. 'a:' .. key, text, 'PX', 86400000)",
    replace: '',
    tests: [redisDifferential],
  },
  {
    name: 'redis-answer-of-the-ledger-not-kept',
    breaks: 'a key under which the ledger answered is refused to another request (I3)',
    file: 'src/store/redis/admission.ts',
    find: 'if (priors.size === 0) return told',
    replace: 'if (priors.size >= 0) return told',
    tests: [redisDifferential],
  },
  {
    name: 'redis-run-not-compared',
    breaks: 'a Redis that restarted is not the one that was loaded (S6)',
    file: 'src/store/redis/lua/head.lua',
    find: "if head[1] ~= ARGV[1] or head[2] ~= string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') then",
    replace: 'if head[1] ~= ARGV[1] then',
    tests: [redisGuards],
  },
  {
    name: 'redis-trims-what-was-trimmed',
    breaks: 'a batch leaves the journal when the ledger has it and not before (O1)',
    file: 'src/store/redis/lua/trim.lua',
    find: 'if base ~= from or to <= from then',
    replace: 'if to <= from then',
    tests: [redisGuards],
  },
  {
    name: 'redis-trim-before-append',
    breaks: 'a batch leaves the journal when the ledger has it and not before (O1)',
    file: 'src/store/redis/drain.ts',
    find: '    const state = await ledger.append(',
    replace:
      '    await trim(base, { position: base + batches.length, mark: passage.mark }, batches, passage)\n    const state = await ledger.append(',
    tests: [redisGuards],
  },
  {
    name: 'redis-sale-before-the-ledger',
    breaks: 'a sale is acknowledged when the ledger has it (O1)',
    file: 'src/store/redis/parts.ts',
    find: "return outcome.ok && (command.type === 'confirm' || isOfLedger(command))",
    replace: 'return outcome.ok && isOfLedger(command)',
    tests: [redisGuards],
  },
  {
    name: 'redis-older-data-unnoticed',
    breaks: 'a Redis that holds older data is noticed before it writes (S6, O1)',
    file: 'src/store/redis/lua/batch/facts.lua',
    find: 'if tonumber(journal[1]) < headSeen then',
    replace: 'if false then',
    tests: [redisRewind],
  },
  {
    name: 'header-names-anybody',
    breaks: 'a user acts for nobody else, in a header neither (H8)',
    file: 'src/http/user-id.ts',
    find: 'if (userId !== null && named.some((one) => one !== userId)) {',
    replace: 'if (false) {',
    tests: [dialectErrors],
  },
  {
    name: 'flash-deal-without-slot',
    breaks: 'a user has one active reservation of a flash deal, also when they ask many times at once (U1)',
    file: 'src/http/dialects/flash.ts',
    find: 'idempotencyOf(request, input), [slotOf(userId, sku)])',
    replace: 'idempotencyOf(request, input), [])',
    tests: [dialects],
  },
  {
    name: 'redis-late-attempt-counts-twice',
    breaks: 'a request that arrives after it was given up and repeated is not executed (I1, H3)',
    file: 'src/store/redis/lua/batch/facts.lua',
    find: 'if lastRepeat >= call then',
    replace: 'if lastRepeat < 0 then',
    tests: [redisGuards],
  },
  {
    name: 'redis-what-was-written-may-be-gone',
    breaks: 'a node whose sale is not in Redis any more does not acknowledge it (O1)',
    file: 'src/store/redis/lua/head.lua',
    find: 'if lastWrite < tonumber(ARGV[3]) then',
    replace: 'if false then',
    tests: [redisRewind],
  },
  {
    name: 'redis-any-journal-is-that-of-the-ledger',
    breaks: 'a sale is acknowledged when the ledger has that one, and not another of its position (O1, S6)',
    file: 'src/store/redis/lua/trim.lua',
    find: 'if reached >= base and markAt(reached) ~= ARGV[7] then',
    replace: 'if false then',
    tests: [redisRewind],
  },
  {
    name: 'redis-any-namespace',
    breaks: 'a mistyped namespace takes nothing over from the nodes in the right one',
    file: 'src/store/redis/memory.ts',
    find: 'if (namespace === null || namespace === url.namespace) return',
    replace: 'return',
    tests: ['test/store/redis-namespace.test.ts'],
  },
  {
    name: 'slots-never-full',
    breaks: 'so many active reservations occupy a slot and no more',
    file: 'src/domain/decide-reserve.ts',
    find: 'return books.occupied(name) < max ? null',
    replace: 'return books.occupied(name) >= 0 ? null',
    tests: ['test/domain/decide-reserve.test.ts'],
  },
  {
    name: 'sqlite-due-occupies-its-slot',
    breaks: 'a reservation that is due occupies nothing (H6)',
    file: 'src/store/sqlite/statements.ts',
    find: "const occupies = `r.status = 'active' and r.expires_at > ?2`",
    replace: "const occupies = `r.status = 'active'`",
    tests: [model],
  },
  {
    name: 'postgres-slots-not-locked',
    breaks: 'two nodes do not both take the last place of a slot',
    file: 'src/store/postgres/load.ts',
    find: 'this.#read(sql.lockSlots, [slots, extendedIds])',
    replace: 'this.#read(sql.lockSlots, [[], extendedIds])',
    tests: [postgresSlots],
  },
  {
    name: 'postgres-extend-without-its-slots',
    breaks: 'a reservation is not extended beside another that took its slot when it was due',
    file: 'src/store/postgres/load.ts',
    find: 'this.#read(sql.lockSlots, [slots, extendedIds])',
    replace: 'this.#read(sql.lockSlots, [slots, []])',
    tests: [postgresSlots],
  },
  {
    name: 'redis-missing-slots-are-free',
    breaks: 'a slot that is missing in Redis is not a free one',
    file: 'src/store/redis/lua/batch/check.lua',
    find: 'if next(slots) and',
    replace: 'if false and',
    tests: [redisGuards],
  },
  {
    name: 'rabbitmq-unroutable-is-told',
    breaks: 'An event that no queue got is marked as told (E1).',
    file: 'src/events/rabbitmq/publisher.ts',
    find: 'else if (one.isReturned) settle(unroutable(exchange, routingKey))',
    replace: '',
    tests: [rabbitMq],
  },
  {
    name: 'rabbitmq-acknowledged-undone',
    breaks: 'A command that a stopping node has not done is acknowledged, and so lost.',
    file: 'src/events/rabbitmq/intake.ts',
    find: 'if (settled === null || isGone() || !(await tell(settled, delivered))) return',
    replace: 'if (settled !== null && (isGone() || !(await tell(settled, delivered)))) return',
    tests: [rabbitMq],
  },
  {
    name: 'rabbitmq-key-of-a-delivery',
    breaks: 'A command that is delivered again has its effect again (I1).',
    file: 'src/events/rabbitmq/command.ts',
    find: 'key: id, fingerprint',
    replace: 'key: `${performance.now()}`, fingerprint',
    tests: [rabbitMq],
  },
  {
    name: 'rabbitmq-overtaking',
    breaks: 'A command overtakes an earlier one of the same reservation that waits for the store.',
    file: 'src/events/rabbitmq/order.ts',
    find: 'before === undefined ? job() : before.then(job, job)',
    replace: 'job()',
    tests: [rabbitMq],
  },
  {
    name: 'webhook-one-public-address-is-enough',
    breaks: 'a name that has an address inside is not connected to',
    file: 'src/events/webhooks/destination.ts',
    find: 'addresses.every(isPublicAddress)',
    replace: 'addresses.some(isPublicAddress)',
    tests: [webhookSending],
  },
  {
    name: 'webhook-name-looked-at-once',
    breaks: 'a name is looked at again at every connection',
    file: 'src/events/webhooks/sender.ts',
    find: 'createAgents({ lookup: destinations.lookup, connectionsMax })',
    replace: "createAgents({ lookup: (_name, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]), connectionsMax })",
    tests: [webhookSending],
  },
  {
    name: 'webhook-address-without-a-name-not-looked-at',
    breaks: 'an address that stands in the url itself is looked at before it is connected to',
    file: 'src/events/webhooks/sender.ts',
    find: 'if (problem !== null) return',
    replace: 'if (problem === undefined) return',
    tests: [webhookSending],
  },
  {
    name: 'webhook-mapped-addresses-taken-as-they-are',
    breaks: 'an IPv4 address inside an IPv6 address is judged as what it is',
    file: 'src/events/webhooks/addresses.ts',
    find: 'return isPublicAddress(lastFourBytes(address))',
    replace: 'return true',
    tests: [webhookAddresses],
  },
  {
    name: 'webhook-answers-without-end',
    breaks: 'an endpoint that floods is cut off',
    file: 'src/events/webhooks/post.ts',
    find: "if (bytes >= bodyBytesMax) cut('')",
    replace: "if (bytes < 0) cut('')",
    tests: [webhookSending],
  },
  {
    name: 'webhook-keys-of-one-webhook-only',
    breaks: 'a key that was used with one webhook cannot be used with another (I3)',
    file: 'src/events/webhooks/kept.ts',
    find: 'key === null ? [await read(id)].filter((one) => one !== null) : await entries()',
    replace: '[await read(id)].filter((one) => one !== null)',
    tests: [webhookRoutes],
  },
  {
    name: 'webhook-written-over-others',
    breaks: 'two nodes that change a webhook at the same time do not undo each other',
    file: 'src/events/webhooks/kept.ts',
    find: 'const version = await notes.write(prefix + id, JSON.stringify(changed), entry.version)',
    replace:
      'let version = null; while (version === null) version = await notes.write(prefix + id, JSON.stringify(changed), (await notes.read(prefix + id)).version)',
    tests: [webhooksKept],
  },
  {
    name: 'webhook-disabled-although-it-works',
    breaks: 'an endpoint that takes some events is not disabled for one that it does not',
    file: 'src/events/webhooks/consumer.ts',
    find: 'Math.max(lastSuccessAt ?? 0, activeSince)',
    replace: 'Math.max(0, activeSince)',
    tests: [webhooksKept],
  },
  {
    name: 'stream-for-nobody',
    breaks: 'a stream whose client has gone is not kept',
    file: 'src/http/sse.ts',
    find: 'if (reply.raw.destroyed) return null',
    replace: '',
    tests: [streams],
  },
  {
    name: 'stock-watched-for-ever',
    breaks: 'nothing is read while nobody listens',
    file: 'src/events/live-stock.ts',
    find: 'if (entry?.watchers.size === 0) watched.delete(sku)',
    replace: '',
    tests: [streams],
  },
]

/**
 * The source with the mutant in it.
 *
 * @param {Mutant} mutant
 * @param {string} source
 * @returns {string}
 */
export function applyMutant(mutant, source) {
  const parts = source.split(mutant.find)
  if (parts.length !== 2) throw new Error(`mutant ${mutant.name}: its text occurs ${parts.length - 1} times in ${mutant.file}, not once`)
  return parts.join(mutant.replace)
}
