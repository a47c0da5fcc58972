// pages/order/order.js: this runs on the phone. Copy it into a mini program: only app.js, with the addresses, is missing.
const { login, order, code, session } = getApp().globalData
const zh = wx.getAppBaseInfo().language === 'zh_CN'

Page({
  data: { loggedIn: false, text: '' },

  onLoad() {
    this.say(zh ? '还没有登录' : 'Not logged in')
  },

  // 登录 / Log in: one code from the platform, sent once, and a login state that comes back for it
  login() {
    wx.login({
      success: res => {
        this.usedCode = res.code
        this.sendCode(res.code)
      },
      fail: res => this.say(res.errMsg)
    })
  },

  sendCode(value) {
    wx.request({
      url: login.url,
      method: login.method,
      ...placed(code, value), // 携带 js_code
      success: res => {
        if (res.statusCode !== 200) return this.refused(res) // what was kept stays: only the code is bad
        wx.setStorageSync(session.name, returned(session, res)) // 本地缓存登录态
        wx.showToast({ title: zh ? '登录成功' : 'Logged in' })
        this.setData({ loggedIn: true })
        this.say(zh ? '已登录' : 'Logged in')
      },
      fail: res => this.say(res.errMsg)
    })
  },

  // 查询订单 / Get my order: every later request carries the login state, and no code
  getOrder() {
    this.ask({})
  },

  // 伪造身份 / Forge a header: what a mini program says about its user is not believed
  forge() {
    this.ask({ 'X-Menshen-Openid': 'forged', x_menshen_user: 'forged' })
  },

  ask(extra) {
    const kept = wx.getStorageSync(session.name)
    const { header, ...rest } = kept ? placed({ ...session, in: session.request_in }, kept) : {}
    wx.request({
      url: order.url,
      method: order.method,
      ...rest,
      header: { ...header, ...extra },
      success: res => {
        if (res.statusCode === 401) this.forget() // the state is good no more: log in again
        if (res.statusCode !== 200) return this.refused(res)
        this.say(zh ? '订单 1：已发货' : 'Order 1: on its way')
      },
      fail: res => this.say(res.errMsg)
    })
  },

  // 重复使用 code / Use the code twice: a code is good for one login
  useCodeTwice() {
    if (!this.usedCode) return this.say(zh ? '请先登录' : 'Log in first')
    this.sendCode(this.usedCode)
  },

  // 退出 / Log out: this phone forgets its login state
  logout() {
    this.forget()
    this.say(zh ? '已退出' : 'Logged out')
  },

  forget() {
    wx.removeStorageSync(session.name)
    this.setData({ loggedIn: false })
  },

  // A refusal has a code, a reason, and what to do about it: action is login, retry or none
  refused(res) {
    const { code, reason } = res.data || {}
    wx.showToast({ title: zh ? '被拒绝' : 'Refused', icon: 'error' })
    this.say(reason ? `${code} ${reason}` : `HTTP ${res.statusCode}`)
  },

  say(text) {
    this.setData({ text })
  }
})

// Where the plugin looks for a value: in a header, a cookie, the query or a JSON body
function placed(at, value) {
  if (at.in === 'header') return { header: { [at.name]: value } }
  if (at.in === 'cookie') return { header: { cookie: `${at.name}=${value}` } }
  return { data: { [at.name]: value } }
}

// Where the plugin returns the login state: a header, a cookie or the JSON body
function returned(at, res) {
  if (at.return_in === 'body') return at.path.reduce((found, name) => found[name], res.data)
  if (at.return_in === 'header') return res.header[at.name.toLowerCase()]
  const cookie = res.cookies.find(each => each.startsWith(`${at.name}=`)) || ''
  return cookie.slice(at.name.length + 1).split(';')[0]
}
