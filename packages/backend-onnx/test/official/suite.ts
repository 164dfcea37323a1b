import '@tensorflow/tfjs';
import './environment';
import '@tensorflow/tfjs-core/dist/tests';
