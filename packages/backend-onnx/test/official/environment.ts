import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
import '../../src/index';

// Before the specs are declared, which ask for it.
const backendName = process.env['OFFICIAL_BACKEND'] ?? 'onnx';
setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
