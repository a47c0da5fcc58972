'use strict';
module.exports = async ({ menshen, caught }) => ({ good: await menshen.checkLogin().catch((error) => ({ error: caught(error) })) });
