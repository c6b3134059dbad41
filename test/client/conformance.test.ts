import { afterAll, describe, expect, it } from 'vitest'
import { conformance } from '../../src/store/conformance/index.ts'
import { stopServing, throughTheClient } from '../support/client-harness.ts'

const wholeSeconds = 'a time to live is in whole seconds outside'
const oneBatch = 'each request is a batch of its own'
const fingerprint = 'the service makes the fingerprint of a request by itself, and here only that differs'
const repeats = 'that a batch is repeated is between the engine and its store'

/** Cases that say what nobody can say over HTTP. */
const inexpressible: Readonly<Record<string, string>> = {
  'reserve: keeps metadata as it is, with every kind of key and text': 'the service refuses a property named __proto__',
  'confirm: comes too late in the batch that finds the reservation due (H1, H5)': oneBatch,
  'extend: never moves expiresAt back (H7)': wholeSeconds,
  'extend: keeps a reservation alive past its first end, and expires it at the new one (H4)': wholeSeconds,
  'expiry: gives every buyer of a batch the due units it needs (H6)': wholeSeconds,
  'an idempotency key: gives two equal requests of one batch one effect and equal answers (I1, I2)': fingerprint,
  'an idempotency key: is remembered for 24 hours, to the millisecond': fingerprint,
  'events: stay the same bytes, whatever happens later (E4)': wholeSeconds,
  'events: begin at the end for whoever asks for none': 'a page over HTTP has an event at least',
  'lists: filter reservations by user, sku and status together': wholeSeconds,
  'a batch of unknown outcome, repeated: finds what the first attempt did and answers as it did (O4, I5)': repeats,
  'a batch of unknown outcome, repeated: acts when the first attempt did nothing': repeats,
  'a batch of unknown outcome, repeated: answers a reservation as made, whatever became of it since (O4)': repeats,
  'a batch of unknown outcome, repeated: finds by its key what was answered under it (I2)': repeats,
  'a batch of unknown outcome, repeated: does not refuse its own reservation for the limit per user or for lack of stock': repeats,
  'a batch of unknown outcome, repeated: says of its own order that it made it, and of another that it did not': repeats,
  'a batch of unknown outcome, repeated: never gives less time than the first attempt did (H7)': repeats,
}

/** And groups of them. */
const inexpressibleGroups: Readonly<Record<string, string>> = { slots: 'the service itself says which slots a reservation takes' }

const cases = conformance(throughTheClient).map(({ group, title, run }) => ({ group, name: `${group}: ${title}`, run }))

describe('a service, asked through the client', () => {
  afterAll(stopServing)

  for (const { name, run } of cases.filter((one) => !(one.name in inexpressible || one.group in inexpressibleGroups))) it(name, run)

  it('is spared only cases that there are', () => {
    const names = cases.map(({ name }) => name)
    expect(Object.keys(inexpressible).filter((name) => !names.includes(name))).toEqual([])
    expect(Object.keys(inexpressibleGroups).filter((group) => !cases.some((one) => one.group === group))).toEqual([])
  })
})
