import type { Command, Slot } from '../domain/command.ts'

/** The name of a slot: what it is for, and of whom or what. Other parts make another name. */
export function slotName(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

/** A command that is checked already, with the slot of its user, if users may have only so many active reservations. */
export function withUserSlot<C extends Command>(command: C, activePerUserMax: number): C {
  if (command.type !== 'reserve') return command
  const slot: Slot = { name: slotName('user', command.userId), max: activePerUserMax }
  return { ...command, slots: [...command.slots, slot] }
}
