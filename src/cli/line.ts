export interface Line {
  show(text: string): void
  clear(): void
}

const pauseMs = 100

/** One line on stderr that is written over, for a person who waits; nothing in a log. */
export function createLine(): Line {
  const { stderr } = process
  if (!stderr.isTTY) return { show: () => {}, clear: () => {} }
  let nextAt = 0
  return {
    show: (text) => {
      if (performance.now() < nextAt) return
      nextAt = performance.now() + pauseMs
      stderr.clearLine(0)
      stderr.cursorTo(0)
      stderr.write(text)
    },
    clear: () => {
      stderr.clearLine(0)
      stderr.cursorTo(0)
    },
  }
}
