export { adapters } from './adapters';
export { MenshenError, type Action } from './error';
export { Menshen, type LoginFields } from './menshen';
export type { Callbacks } from './callbacks';
export type { Login } from './gateway';
export type { BusinessLogin, MenshenOptions } from './options';
export type { Profile, ProfileChange } from './profile';
export type { PhoneDetail } from './phone';
export type { Adapter, Answer, ConnectOptions, RequestOptions, SocketTask, Task, UploadOptions } from './platform';
