import { packageBattery } from '@tfsci/tooling';

packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 60_000 } });
