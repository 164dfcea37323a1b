export { readRecords, type ReadRecordsOptions, type RecordFormat } from './readers/files';
