/** The user, as `GET me` tells him; times in Unix seconds. `avatar` is a whole address. */
export interface Profile {
  uid: string;
  nickname: string;
  gender: number;
  language: string;
  city: string;
  province: string;
  country: string;
  avatar: string;
  account: string;
  /** Masked. */
  phone: string;
  created_at: number;
  last_login_at: number;
}

/** What the user says of himself. `avatar` is a local file, such as `chooseAvatar` gives it. */
export interface ProfileChange {
  nickname?: string;
  gender?: number;
  language?: string;
  city?: string;
  province?: string;
  country?: string;
  avatar?: string;
}
