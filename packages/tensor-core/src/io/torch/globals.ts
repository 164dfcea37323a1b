import { FormatError } from '../../check';
import { numpyGlobals } from './pickle-numpy';
import { pythonGlobals } from './pickle-python';
import { PyGlobal, PyObject, PyTuple } from './pickle-values';
import { storageClasses, torchDtypes, type TorchArchive } from './storage';
import { tensorGlobals } from './tensor';

/** What becomes of a class that is not on the allow-list. */
export type UnknownClasses = 'refuse' | 'describe';

/** Finds the classes and functions that a PyTorch file may name. */
export function torchGlobals(
  archive: TorchArchive,
  unknown: UnknownClasses,
): (module: string, name: string) => PyGlobal {
  const { where, budget } = archive;
  const known = new Map<string, PyGlobal>();
  const allowed = [
    ...pythonGlobals(where, budget),
    ...numpyGlobals(where, archive),
    ...tensorGlobals(where),
    ...[...storageClasses.keys(), ...torchDtypes.keys()].map((name) => new PyGlobal(name)),
    new PyGlobal('torch.Size', ([lengths]) => (lengths instanceof PyTuple ? lengths : new PyTuple([]))),
    new PyGlobal('torch.device', ([type, index]) => [type, index ?? []].flat().join(':')),
  ];
  for (const global of allowed) known.set(global.name, global);

  return (module, name) => {
    const className = `${module === '__builtin__' ? 'builtins' : module}.${name}`;
    const found = known.get(className);
    if (found) return found;
    if (unknown === 'refuse') {
      const fix = 'Its code is not run here: pass { unknownClasses: "describe" } to get its contents as data.';
      throw new FormatError(`${where}: the classes in the file must be known ones, got ${className}. ${fix}`);
    }
    const described = new PyGlobal(className, (args) => new PyObject(className, args));
    known.set(className, described);
    return described;
  };
}
