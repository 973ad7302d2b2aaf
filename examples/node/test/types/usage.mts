// SPDX-License-Identifier: MIT
// What the types allow and refuse; tsc --strict --noEmit is the test. A @ts-expect-error on a line that is right is an error.
import * as acap from 'acap';
import acapDefault, { AcapError, Context, Format, Overflow, Pool } from 'acap';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Equal<A, B>): void {}

export async function use(): Promise<void> {
  using context: Context = new Context({ backend: 'sim' });
  using stream = await context.openStream({ device: 'sim:counter', channelCount: 2, historyNs: 1_000_000_000n, latencyNs: 0 });
  const reader = stream.openReader({ queueBuffers: 4, overflow: Overflow.DROP_NEWEST, copy: false, name: 'usage' });
  await stream.start();

  for await (const buffer of reader) {
    same<typeof buffer.samples, Float32Array>(true);
    same<typeof buffer.position, number>(true);
    same<typeof buffer.timeNs, bigint>(true);
    same<typeof buffer.timeErrorNs, bigint | null>(true);
    const first: number | undefined = buffer.samples[0];
    buffer.release();
    void first;
  }
  for await (const buffer of reader.loans({ signal: AbortSignal.timeout(10) })) void buffer.channel(0).length;

  const later = await reader.borrow({ timeoutMs: 10 });
  // @ts-expect-error at the end there is no buffer
  later.release();
  later?.release();
  const now = reader.tryBorrow();
  same<typeof now, acap.Buffer<4> | null | undefined>(true);

  const s16 = await context.openStream({ device: 'push:', format: Format.S16 });
  same<Awaited<ReturnType<ReturnType<typeof s16.openReader>['borrow']>>, acap.Buffer<1> | null>(true);
  s16.push(new Int16Array(4), { timeNs: acap.clockNs() });
  s16.push(new Uint8Array(8));
  // @ts-expect-error the stream's samples are 16 bits
  s16.push(new Float32Array(4));
  const any = await context.openStream({ format: Format.S24 as Format });
  same<typeof any.info.format, Format>(true);
  const plain = await context.openStream('sim:sine');
  same<typeof plain.info.format, 4>(true);

  const taken = acap.Reader.takeOver(s16.openReader().handOver());
  same<typeof taken, acap.Reader<1>>(true);
  same<typeof taken.stream, acap.Stream<1> | null>(true);

  const { inUse, oldestHeldNs } = stream.pool.stats;
  same<typeof inUse, number>(true);
  same<typeof oldestHeldNs, bigint>(true);
  const pool = new Pool({ bufferSizeBytes: 64 });
  same<ReturnType<Pool['acquire']>['samples'], Uint8Array>(true);
  await context.openStream({ pool });
  for await (const event of context.events()) if (event.type === acap.EventType.LOG) console.log(event.text, event.timeNs);
  try {
    await context.checkSupported({ sampleRateHz: 1 });
  } catch (error) {
    if (error instanceof AcapError) console.log(error.code, error.result, error.message);
  }
  console.log(acapDefault.versionString(), acap.externalBuffers, acap.buffersHeld());
}

export function refused(context: Context, stream: acap.Stream<4>, reader: acap.Reader<4>, buffer: acap.Buffer<4>): void {
  // @ts-expect-error no such option
  void context.openStream({ devise: 'sim:sine' });
  // @ts-expect-error formats are numbers
  void context.openStream({ format: 's16' });
  // @ts-expect-error no such format
  void context.openStream({ format: 9 });
  // @ts-expect-error no such back end
  void new Context({ backend: 'alsa' });
  // @ts-expect-error a pool has no default size
  void new Pool({});
  // @ts-expect-error readers are opened by streams
  void new acap.Reader(stream, {});
  // @ts-expect-error buffers are borrowed
  void new acap.Buffer();
  // @ts-expect-error milliseconds are a number
  void reader.borrow({ timeoutMs: 10n });
  // @ts-expect-error positions are numbers
  const position: bigint = buffer.position;
  // @ts-expect-error the header cannot be written
  buffer.position = 0;
  // @ts-expect-error F32 is no array of whole numbers
  const samples: Int16Array = buffer.samples;
  // @ts-expect-error a loop over a reader must await
  for (const one of reader) void one;
  // @ts-expect-error a promise must be awaited
  reader.borrow().release();
  // @ts-expect-error constants are constant
  acap.Format.F32 = 1;
  void position;
  void samples;
}
