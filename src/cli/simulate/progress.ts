import cliProgress from 'cli-progress'
import { count } from '../table.ts'
import type { Snapshot } from './simulation.ts'

export interface Progress {
  start(snapshot: () => Snapshot): void
  stop(): void
}

const barPauseMs = 100
const linePauseMs = 3_000

/** How the sale goes, on stderr: a bar for a person, a line every few seconds for a log. */
export function createProgress(): Progress {
  return process.stderr.isTTY ? createBar() : createLines()
}

function createBar(): Progress {
  const bar = new cliProgress.SingleBar({
    format: 'sold {bar} {sold}/{onSale} | reserved {held} | buyers served {served}/{buyers} | waiting {waiting}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
    // Ctrl-C is handled by the command, which has a folder to remove.
    gracefulExit: false,
  })
  let timer: NodeJS.Timeout | undefined
  let update = (): void => {}
  return {
    start: (snapshot) => {
      const first = snapshot()
      bar.start(first.onSale, 0, payload(first))
      update = () => {
        const now = snapshot()
        bar.update(now.sold, payload(now))
      }
      timer = setInterval(update, barPauseMs)
    },
    stop: () => {
      if (timer === undefined) return
      clearInterval(timer)
      timer = undefined
      update()
      bar.stop()
    },
  }
}

function createLines(): Progress {
  let timer: NodeJS.Timeout | undefined
  return {
    start: (snapshot) => {
      timer = setInterval(() => {
        const { sold, onSale, held, served, buyers, waiting } = payload(snapshot())
        process.stderr.write(`sold ${sold}/${onSale}, reserved ${held}, buyers served ${served}/${buyers}, waiting ${waiting}\n`)
      }, linePauseMs)
    },
    stop: () => clearInterval(timer),
  }
}

type Payload = Record<'sold' | 'onSale' | 'held' | 'served' | 'buyers' | 'waiting', string>

function payload({ sold, onSale, held, served, buyers, waiting }: Snapshot): Payload {
  return {
    sold: count(sold),
    onSale: count(onSale),
    held: count(held),
    served: count(served),
    buyers: count(buyers),
    waiting: count(waiting),
  }
}
