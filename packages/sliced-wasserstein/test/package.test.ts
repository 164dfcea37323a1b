import { packageBattery } from '@tfsci/tooling';

packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 80_000, './node': 14_000 } });
