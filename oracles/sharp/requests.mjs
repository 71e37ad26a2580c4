// The other end of oracles/src/pipe.rs: lines of JSON, each followed by as many bytes as its `bytes` says.
export async function* requests() {
  let waiting = Buffer.alloc(0);
  let header;
  let pieces = [];
  let missing = 0;
  for await (const piece of process.stdin) {
    let rest = piece;
    for (;;) {
      if (!header) {
        waiting = Buffer.concat([waiting, rest]);
        const end = waiting.indexOf(10);
        if (end < 0) break;
        header = JSON.parse(waiting.subarray(0, end));
        rest = waiting.subarray(end + 1);
        waiting = Buffer.alloc(0);
        missing = header.bytes ?? 0;
      }
      const taken = rest.subarray(0, missing);
      pieces.push(taken);
      missing -= taken.length;
      rest = rest.subarray(taken.length);
      if (missing > 0) break;
      yield [header, Buffer.concat(pieces)];
      header = undefined;
      pieces = [];
    }
  }
}
