import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** What each program prints. They use the built package by its name, as everybody does. */
const printed: Readonly<Record<string, readonly string[]>> = {
  'checkout.mjs': [
    'ada, whose card is refused: not paid, given back',
    'grace, who pays late: bought, although the payment came late (reservation_expired)',
    'joan, who comes when the time of linus is over: bought',
    '  refunded payment',
    'linus, who pays late: not bought (reservation_expired)',
  ],
  'embed.mjs': [
    'ada bought 2 tickets for 90 EUR',
    'grace got none: insufficient_stock. Of "ticket" 2 were requested and 1 are available.',
    '2 sold, 1 available',
    '  product.created',
    '  reservation.created',
    '  reservation.confirmed',
    '  order.created',
    '  reservation.created',
    '  stock.sold_out',
    '  reservation.cancelled',
    '  stock.available_again',
  ],
  'express.mjs': [
    'ada: 201, reserved',
    'grace: 409, Of "poster" 1 were requested and 0 are available.',
    'the office sees: ada active',
    'without a key it sees: 401',
  ],
  'fastify.mjs': ['a stranger: 401', 'ada: 201, a reservation of ada that is active', 'There are 8 mugs left.'],
  'serve-and-call.mjs': ['one buyer bought the last print', 'the other was told: insufficient_stock', 'the service ended with 0'],
}

it.concurrent.each(Object.entries(printed))('%s runs and says what happened', async (file, lines) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`examples/${file}`], { timeout: 60_000 })
  expect(stdout.trimEnd().split('\n')).toEqual(lines)
  // Of Node itself, where SQLite is part of it.
  expect(stderr.replace(/.*ExperimentalWarning.*\n.*\n/, '')).toBe('')
})

it('has every example in this list', () => {
  expect(readdirSync('examples').filter((name) => name.endsWith('.mjs'))).toEqual(Object.keys(printed))
})
