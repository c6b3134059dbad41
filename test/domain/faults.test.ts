import { expect, it } from 'vitest'
import { cursorExpired, Fault, faultCode } from '../../src/domain/faults.ts'

it('a cursor that is behind what is kept says where to go on', () => {
  const fault = cursorExpired('7', '40')
  expect(fault).toMatchObject({ code: 'cursor_expired', oldestCursor: '40' })
  expect(fault.message).toBe('The events after 7 are not kept any more; the oldest that are there come after 40.')
})

it('only faults have a code of a fault', () => {
  expect(faultCode(new Fault('overloaded', 'later'))).toBe('overloaded')
  expect(new Fault('overloaded', 'later').oldestCursor).toBe(undefined)
  expect(faultCode(Object.assign(new Error('other'), { code: 'overloaded' }))).toBe(null)
  expect(faultCode(null)).toBe(null)
})
