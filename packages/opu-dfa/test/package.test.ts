import { packageBattery } from '@tfsci/tooling';

packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 130_000, './node': 430 } });
