import { optimized } from '../graph/passes';
import { modelOf, portName, type Program } from '../graph/program';
import { bytesOf, elementsOver, sizeOf, Storage, type ElementType, type Shape, type Value } from '../graph/value';
import { encodeModel } from '../onnx/model';
import type { Settings } from '../options';
import type { BufferPool } from './buffer-pool';
import { createSession } from './ort';
import type { Session, SessionSettings } from './session';

/** A compiled program. */
export class Executable {
  constructor(
    private readonly session: Session,
    private readonly outputs: readonly { type: ElementType; shape: Shape }[],
  ) {}

  /** Runs the program on leaves, in the order of its inputs. @returns storages of its outputs, with no owners yet */
  run(leaves: readonly Value[], pool: BufferPool): Storage[] {
    const inputs = leaves.map(({ storage, type, shape }) => ({ type, elements: storage!.elements!, shape }));
    const outputs = this.outputs.map(({ type, shape }) => {
      const elements = elementsOver(type, pool.take(bytesOf(type, shape)), sizeOf(shape));
      return { type, elements, shape };
    });
    this.session.run(inputs, outputs);
    return outputs.map(({ type, elements }) => new Storage(elements, type, true));
  }

  endProfiling(): void {
    this.session.endProfiling();
  }

  release(): void {
    this.session.release();
  }
}

/** Operations on fewer elements are not shared among threads by ONNX Runtime anyway. */
const SMALL_TENSOR = 2 ** 14;
const FEW_NODES = 16;

/** Compiled programs by their keys; the one that was used least recently goes when there are too many. */
export class ExecutableCache {
  private readonly table = new Map<string, Executable>();
  /** How many programs have been compiled since the start. */
  compilations = 0;
  /** Milliseconds spent on that. */
  compileMs = 0;

  constructor(private readonly settings: Settings) {}

  get size(): number {
    return this.table.size;
  }

  of(program: Program): Executable {
    const { key } = program;
    let executable = this.table.get(key);
    if (executable) {
      this.table.delete(key);
    } else {
      executable = this.compile(program);
      this.evict();
    }
    this.table.set(key, executable);
    return executable;
  }

  private compile(program: Program): Executable {
    const start = performance.now();
    const { threads, spinning, executionProvider, profile } = this.settings;
    const ports = { inputs: program.inputs.map(portName), outputs: program.outputs.map(portName) };
    const session = createSession(encodeModel(modelOf(optimized(program))), ports, {
      ...this.effortFor(program),
      threads,
      spinning,
      executionProvider,
      ...(profile === undefined ? {} : { profile: `${profile}-${this.compilations}` }),
    });
    this.compilations++;
    this.compileMs += performance.now() - start;
    const outputs = program.outputs.map((number) => {
      const { type, shape } = program.values[number]!;
      return { type, shape };
    });
    return new Executable(session, outputs);
  }

  /** A session of a few small operations costs three times as much to make with threads and all rewriting. */
  private effortFor({ nodes, values }: Program): Pick<SessionSettings, 'isParallel' | 'graphOptimization'> {
    const { graphOptimization } = this.settings;
    const isSmall = values.every(({ size }) => size < SMALL_TENSOR);
    return {
      isParallel: !isSmall,
      graphOptimization:
        isSmall && nodes.length < FEW_NODES && graphOptimization !== 'disabled' ? 'basic' : graphOptimization,
    };
  }

  private evict(): void {
    while (this.table.size >= this.settings.maxCompiled) {
      const [oldest] = this.table.keys();
      this.table.get(oldest!)!.release();
      this.table.delete(oldest!);
    }
  }

  endProfiling(): void {
    if (this.settings.profile !== undefined) for (const executable of this.table.values()) executable.endProfiling();
  }

  /** Drops every compiled program. */
  clear(): void {
    for (const executable of this.table.values()) executable.release();
    this.table.clear();
  }
}
