// What a user reads when something fails. A reason says what it was; `action` says whether trying again helps.

const BUSY = '微信繁忙，请稍后再试';
const TEXTS = {
  left: '请先登录',
  network: '连不上服务器，请检查网络后重试',
  platform_login: '微信没有给出登录凭证，请重试',
  platform_says_busy: BUSY,
  platform_unreachable: BUSY,
  platform_timeout: BUSY,
  platform_reply_invalid: BUSY,
  platform_limit: BUSY,
  overloaded: '服务器繁忙，请稍后再试',
  login_limit: '操作太频繁，请稍后再试',
  user_banned: '该账号已被停用',
  user_blocked: '该微信账号暂时无法登录',
  phone_taken: '这个手机号已绑定了另一个账号',
  already_bound: '已经绑定过手机号了',
  phone_code_invalid: '授权已失效，请再点一次',
  session_key_stale: '授权已失效，请再点一次',
  open_data_invalid: '授权已失效，请再点一次',
  avatar_too_large: '图片太大，请换一张',
  avatar_invalid: '请选择 PNG、JPEG、GIF 或 WebP 图片',
};

// {text, retry} of a MenshenError. Support finds the request in the logs by its number.
module.exports = function explain(error) {
  const retry = error.action === 'retry';
  const number = error.requestId ? `（编号 ${error.requestId}）` : '';
  return { text: TEXTS[error.reason] || `${retry ? '暂时出了问题，请重试' : '出了问题'}${number}`, retry };
};
