"""Chinese names and words from which generated organisations are made; people's names with the pinyin for userids."""

from __future__ import annotations

SURNAMES = """
王:Wang 李:Li 张:Zhang 刘:Liu 陈:Chen 杨:Yang 赵:Zhao 黄:Huang 周:Zhou 吴:Wu 徐:Xu 孙:Sun 胡:Hu
朱:Zhu 高:Gao 林:Lin 何:He 郭:Guo 马:Ma 罗:Luo 梁:Liang 宋:Song 郑:Zheng 谢:Xie 韩:Han 唐:Tang
冯:Feng 于:Yu 董:Dong 萧:Xiao 程:Cheng 曹:Cao 袁:Yuan 邓:Deng 许:Xu 傅:Fu 沈:Shen 曾:Zeng 彭:Peng
吕:Lv 苏:Su 卢:Lu 蒋:Jiang 蔡:Cai 欧阳:OuYang 司马:SiMa 诸葛:ZhuGe
"""

GIVEN = """
伟:Wei 芳:Fang 娜:Na 敏:Min 静:Jing 丽:Li 强:Qiang 磊:Lei 军:Jun 洋:Yang 勇:Yong 艳:Yan 杰:Jie
娟:Juan 涛:Tao 明:Ming 超:Chao 秀兰:XiuLan 霞:Xia 平:Ping 刚:Gang 桂英:GuiYing 子涵:ZiHan
浩然:HaoRan 雨桐:YuTong 梓萱:ZiXuan 宇轩:YuXuan 欣怡:XinYi 佳琪:JiaQi 俊熙:JunXi 思远:SiYuan
一诺:YiNuo 若曦:RuoXi 晨:Chen 博文:BoWen 建国:JianGuo 志强:ZhiQiang 晓东:XiaoDong 海燕:HaiYan
玉梅:YuMei 天翔:TianXiang 文静:WenJing 嘉豪:JiaHao 诗涵:ShiHan 国庆:GuoQing
"""

FIRST_LEVEL = """
总裁办 研发中心 产品中心 销售中心 市场部 人力资源部 财务部 法务部 行政部 客户成功部 供应链中心 生产中心
质量管理部 信息技术部 华东大区 华南大区 华北大区 西南大区 海外事业部 战略投资部
"""

BELOW = """
前端组 后端组 算法组 测试组 运维组 设计组 数据组 安全组 架构组 交付组 招聘组 培训组 薪酬组 会计组 审计组 采购组
仓储组 物流组 渠道组 直销组 电商组 品牌组 活动组 公关组 售前组 售后组 实施组 客服组 一车间 二车间 三车间 设备组
工艺组 计划组
"""

ROOTS = "星海科技 云帆软件 恒远制造 绿洲食品 明德教育 远航物流 瑞康医疗 金桥商贸 华彩传媒 安居建设"

POSITIONS = "工程师 高级工程师 产品经理 设计师 销售代表 客户经理 会计 人事专员 行政专员 实习生"

HEADS = "总监 经理 主管 组长"

TAGS = """
管理员 财务审批 项目经理 门店店长 值班人员 党员 工会代表 安全员 内训师 考勤管理员 采购审批 新员工 核心骨干
外勤 讲师 信息员 资产管理员 印章管理员 车辆管理员 应急小组
"""
