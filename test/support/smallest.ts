/**
 * A shorter list that fails as well, by leaving out ever smaller pieces (delta debugging, Zeller and Hildebrandt 2002). `isOver`: whoever waits has waited long enough.
 * `fails` is asked again and again.
 */
export async function smallest<Item>(
  items: readonly Item[],
  fails: (fewer: readonly Item[]) => Promise<boolean>,
  isOver: () => boolean,
): Promise<readonly Item[]> {
  let kept = items
  for (let size = kept.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < kept.length && !isOver();) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await fails(fewer)) kept = fewer
      else at += size
    }
  }
  return kept
}
