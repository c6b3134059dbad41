import type { Command, Outcome } from '../../domain/command.ts'

/** Commands that one script call may decide together, and where each stands in the batch. */
export interface Part {
  readonly commands: readonly Command[]
  readonly indexes: readonly number[]
}

export function partsOf(all: readonly Command[]): readonly (Part & { readonly isAlone: boolean })[] {
  const parts: { commands: Command[]; indexes: number[]; isAlone: boolean }[] = []
  for (const [index, command] of all.entries()) {
    const isAlone = isOfLedger(command)
    let part = parts.at(-1)
    if (part === undefined || isAlone || part.isAlone) parts.push((part = { commands: [], indexes: [], isAlone }))
    part.commands.push(command)
    part.indexes.push(index)
  }
  return parts
}

export function only({ commands, indexes }: Part, isKept: (command: Command) => boolean): Part {
  const kept = indexes.filter((_, at) => isKept(commands[at]!))
  return { commands: commands.filter(isKept), indexes: kept }
}

/** What changes stock or products, and undoes sales: rare, of operators, and with answers that must outlive Redis. */
function isOfLedger({ type }: Command): boolean {
  return type === 'createProduct' || type === 'updateProduct' || type === 'adjustStock' || type === 'cancelOrder'
}

export function needsRoom({ type }: Command): boolean {
  return type === 'reserve' || type === 'extend' || type === 'createProduct'
}

export function needsLedger(command: Command, outcome: Outcome): boolean {
  return outcome.ok && (command.type === 'confirm' || isOfLedger(command))
}
