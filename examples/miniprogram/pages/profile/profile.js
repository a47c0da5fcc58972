const explain = require('../../reasons.js');

const app = getApp();

Page({
  data: { avatar: '', nickname: '', saving: false, problem: '' },

  onLoad() {
    return app.user().then(
      ({ avatar, nickname }) => this.setData({ avatar, nickname }),
      (error) => this.fail(error),
    );
  },

  // A file of this phone; it is uploaded with the nickname, when the user saves.
  onAvatar({ detail }) {
    this.chosen = detail.avatarUrl;
    this.setData({ avatar: detail.avatarUrl });
  },

  // From the form, not from the input's event: WeChat reviews a nickname when the input loses focus, and may clear it.
  onSave({ detail }) {
    const nickname = detail.value.nickname.trim();
    if (!nickname) {
      this.setData({ problem: '请输入昵称' });
      return undefined;
    }
    this.setData({ saving: true, problem: '' });
    const changes = this.chosen ? { nickname, avatar: this.chosen } : { nickname };
    return app.menshen.updateProfile(changes).then(
      () => {
        this.setData({ saving: false });
        wx.showToast({ title: '已保存' });
        wx.navigateBack();
      },
      (error) => this.fail(error),
    );
  },

  fail(error) {
    this.setData({ saving: false, problem: explain(error).text });
  },
});
