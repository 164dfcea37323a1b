import path from 'node:path';
import ts from 'typescript';

/**
 * What the compiler finds wrong in a package's own declaration files. A user's compiler passes over it
 * (skipLibCheck), and takes the types for `any`.
 *
 * @param file  absolute path of dist/NAME.d.ts
 * @returns messages with file and line, empty when there is nothing
 */
export function declarationFaults(file: string): string[] {
  const folder = path.dirname(file);
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  });
  return program
    .getSourceFiles()
    .filter(({ fileName }) => path.resolve(fileName).startsWith(folder + path.sep))
    .flatMap((source) => program.getSemanticDiagnostics(source))
    .map(({ file: source, start = 0, messageText }) => {
      const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : 0;
      const name = source ? path.basename(source.fileName) : '';
      return `${name}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
}
