import path from 'node:path';
import ts from 'typescript';

/** What an entry point exports. */
export interface EntryApi {
  /** Every exported name with its kind and full signature, sorted, and below them the types that they name. */
  text: string;
  /** The exported names that exist at run time, sorted. */
  values: string[];
  /** The exported names that other packages declare. */
  elsewhere: string[];
}

/**
 * Reads the public interface of an entry point from its built declaration file.
 *
 * Comments and private members are left out: a change of the text is a change of the interface.
 *
 * @param file  absolute path of dist/NAME.d.ts
 */
export function readApi(file: string, title: string): EntryApi {
  const program = declarationProgram(file);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (!source) throw new Error(`tooling.readApi: ${file} must exist, got nothing. Build the package.`);
  const module = checker.getSymbolAtLocation(source);
  const exported = module ? checker.getExportsOfModule(module) : [];
  const targets = new Set(exported.map((symbol) => resolve(checker, symbol)));

  const lines = exported.map((symbol) => signatures(checker, symbol).join('\n'));
  const stars = source.statements
    .filter((statement) => ts.isExportDeclaration(statement) && !statement.exportClause && !isRelative(statement))
    .map((statement) => statement.getText(source));
  const inner = innerTypes(checker, exported, targets).map((symbol) => signatures(checker, symbol).join('\n'));
  const sections = [`// ${title}`, ...[...lines, ...stars].sort(byText)];
  if (inner.length > 0) sections.push('// Not exported, but named above:', ...inner.sort(byText));
  const nameOf = (symbol: ts.Symbol) => symbol.name;
  const values = exported.filter((symbol) => isValue(checker, symbol)).map(nameOf);
  const elsewhere = exported.filter((symbol) => isAlias(resolve(checker, symbol))).map(nameOf);
  return { text: `${sections.join('\n\n')}\n`, values: values.sort(byText), elsewhere };
}

/** A program over the package's own declaration files: the signatures are printed as declared, so no library is needed. */
function declarationProgram(file: string): ts.Program {
  const options: ts.CompilerOptions = {
    noLib: true,
    types: [],
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => ({
      resolvedModule: text.startsWith('.') ? ts.resolveModuleName(text, from, options, host).resolvedModule : undefined,
    }));
  return ts.createProgram([file], options, host);
}

/** The declarations of a symbol, each as one signature, under the name that it is exported by. */
function signatures(checker: ts.TypeChecker, symbol: ts.Symbol): string[] {
  const target = resolve(checker, symbol);
  const declarations = (target.declarations ?? []).filter((declaration) => !ts.isSourceFile(declaration));
  if (declarations.length === 0 || isAlias(target)) return [reExport(checker, target)];
  return declarations.map((declaration) => {
    const text = print(declaration);
    return target.name === symbol.name ? text : `${text} // exported as ${symbol.name}`;
  });
}

/** A name that another package declares, `re-export scope from '@tfsci/tensor-core'`. */
function reExport(checker: ts.TypeChecker, symbol: ts.Symbol): string {
  const own = symbol.declarations?.[0];
  const local = own && ts.isExportSpecifier(own) ? checker.getExportSpecifierLocalTargetSymbol(own) : undefined;
  for (const start of [own, local?.declarations?.[0]]) {
    for (let node: ts.Node | undefined = start; node; node = node.parent) {
      if ((ts.isExportDeclaration(node) || ts.isImportDeclaration(node)) && node.moduleSpecifier) {
        const original = start && isSpecifier(start) ? (start.propertyName ?? start.name).text : '*';
        const name = original === symbol.name ? original : `${original} as ${symbol.name}`;
        return `re-export ${name} from ${node.moduleSpecifier.getText()}`;
      }
    }
  }
  return `re-export ${symbol.name}`;
}

function isSpecifier(node: ts.Node): node is ts.ImportSpecifier | ts.ExportSpecifier {
  return ts.isImportSpecifier(node) || ts.isExportSpecifier(node);
}

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

function print(declaration: ts.Declaration): string {
  const text = printer.printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile());
  const signature = ts.isVariableDeclaration(declaration) ? `${keywordOf(declaration)} ${text};` : text;
  return signature
    .replace(/^(export )?(default )?(declare )?/, '')
    .replace(/^ {4}private .*;\n/gm, '')
    .replace(/^(?: {4})+/gm, (indent) => '  '.repeat(indent.length / 4));
}

function keywordOf(declaration: ts.VariableDeclaration): string {
  return ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const ? 'const' : 'let';
}

/** Types of the package that exported signatures name, directly or through one another, without exporting them. */
function innerTypes(checker: ts.TypeChecker, exported: ts.Symbol[], known: Set<ts.Symbol>): ts.Symbol[] {
  const found = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const target = symbol && resolve(checker, symbol);
      if (target && !known.has(target) && !found.has(target) && target.declarations?.some(isTopLevel)) {
        found.add(target);
        target.declarations.forEach(visit);
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const symbol of exported) for (const node of resolve(checker, symbol).declarations ?? []) visit(node);
  return [...found];
}

function isTopLevel(node: ts.Declaration): boolean {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const isDeclaration = ts.isVariableStatement(statement) || ts.isDeclarationStatement(statement);
  return isDeclaration && ts.isSourceFile(statement.parent) && !ts.isImportDeclaration(statement);
}

function resolve(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  if (!isAlias(symbol)) return symbol;
  const target = checker.getAliasedSymbol(symbol);
  // What another package declares is unknown here; the alias itself then stands for it.
  return target.declarations ? target : symbol;
}

function isValue(checker: ts.TypeChecker, symbol: ts.Symbol): boolean {
  const typeOnly = symbol.declarations?.some(ts.isTypeOnlyImportOrExportDeclaration);
  return Boolean(resolve(checker, symbol).flags & ts.SymbolFlags.Value) && !typeOnly;
}

function isAlias(symbol: ts.Symbol): boolean {
  return Boolean(symbol.flags & ts.SymbolFlags.Alias);
}

function isRelative(statement: ts.ExportDeclaration): boolean {
  return Boolean(
    statement.moduleSpecifier &&
    ts.isStringLiteral(statement.moduleSpecifier) &&
    statement.moduleSpecifier.text.startsWith('.'),
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where the snapshot of an entry lies below a package: `test/api/index.api.txt` for `.`. */
export function apiFile(entry: string): string {
  const name = entry === '.' ? 'index' : entry.slice(2).replaceAll('/', '-');
  return path.join('test', 'api', `${name}.api.txt`);
}
