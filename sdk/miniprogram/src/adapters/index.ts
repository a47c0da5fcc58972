import { dingtalk } from './dd';
import { kuaishou } from './ks';
import { alipay } from './my';
import { present } from './present';
import { qqOf } from './qq';
import { baidu } from './swan';
import { taro } from './taro';
import { douyin } from './tt';
import { uniApp } from './uni';
import { wecom } from './wecom';
import { wechat } from './wx';
import { xiaohongshu } from './xhs';

/**
 * Every adapter by its platform's global. Each takes the platform's object, which is the global where it is left out.
 * `present` takes what there is.
 */
export const adapters = {
  wx: wechat,
  qq: qqOf,
  my: alipay,
  alipay,
  tt: douyin,
  swan: baidu,
  ks: kuaishou,
  xhs: xiaohongshu,
  wecom,
  dd: dingtalk,
  uni: uniApp,
  taro,
  present,
};
