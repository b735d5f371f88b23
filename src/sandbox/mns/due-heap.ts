/** Something that is due at a time. The heap writes `heapIndex`; nobody else does. */
export interface Due {
  /** Epoch milliseconds. Change it only while the entry is in no heap. */
  dueMs: number;
  /** The entry's place in its heap, -1 while it is in none. */
  heapIndex: number;
}

/** A binary min-heap by due time, from which any entry can be taken out in O(log n). */
export class DueHeap<T extends Due> {
  readonly #entries: T[] = [];

  /** The entry due first. */
  first(): T | undefined {
    return this.#entries[0];
  }

  /** Takes out and returns the first entry if it is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  add(entry: T): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  /** Takes `entry` out; does nothing if it is not in the heap. */
  remove(entry: T): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  #rise(entry: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(entry, index);
  }

  #sink(entry: T, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#entries[2 * index + 1];
      const right = this.#entries[2 * index + 2];
      const child = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (child === undefined || child.dueMs >= entry.dueMs) break;
      const childIndex = child.heapIndex;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(entry, index);
  }

  #put(entry: T, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }
}
