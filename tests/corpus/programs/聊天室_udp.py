# -*- coding: utf-8 -*-
"""UDP 聊天室: 服务器一个线程, 客户端每人两个线程(发送/接收)
命令: L|名字 登录   C|名字|内容 聊天   Q|名字 退出
"""
import socket
import threading
import struct

ADDR = ('127.0.0.1', 0)


class 服务器(threading.Thread):
    def __init__(self):
        super().__init__(name='服务器', daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(ADDR)
        self.地址 = self.sock.getsockname()
        self.用户 = {}
        self.日志 = []

    def run(self):
        while True:
            data, addr = self.sock.recvfrom(4096)
            msg = data.decode('utf-8').split('|', 2)
            self.日志.append(msg)
            命令 = msg[0]
            if 命令 == 'L':
                self.登录(msg[1], addr)
            elif 命令 == 'C':
                self.聊天(msg[1], msg[2], addr)
            elif 命令 == 'Q':
                self.退出(msg[1])
                if not self.用户:
                    break
            else:
                self.sock.sendto('未知命令: {}'.format(命令).encode(), addr)
        self.sock.close()

    def 登录(self, 名字, addr):
        if 名字 in self.用户 or '管理员' in 名字:
            self.sock.sendto('该用户已存在'.encode('utf-8'), addr)
            return
        self.sock.sendto(b'OK', addr)
        for 别人 in self.用户:
            self.sock.sendto(('欢迎 %s 进入聊天室' % 名字).encode(), self.用户[别人])
        self.用户[名字] = addr

    def 聊天(self, 名字, 内容, addr):
        for 别人, 地址 in self.用户.items():
            if 别人 != 名字:
                self.sock.sendto(f'{名字}: {内容}'.encode(), 地址)
        self.sock.sendto('已发送'.encode(), addr)

    def 退出(self, 名字):
        地址 = self.用户.pop(名字, None)
        for 别人 in self.用户.values():
            self.sock.sendto((名字 + ' 退出了').encode(), 别人)
        if 地址:
            self.sock.sendto('EXIT'.encode(), 地址)


class 客户端:
    def __init__(self, 名字, 服务器地址):
        self.名字, self.服务器地址 = 名字, 服务器地址
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(20)
        self.收到 = []
        self.有新消息 = threading.Semaphore(0)

    def 登录(self):
        self.发('L|' + self.名字)
        data, _ = self.sock.recvfrom(1024)
        if data != b'OK':
            print(self.名字, '登录失败:', data.decode())
            self.sock.close()
            return False
        self.接收线程 = threading.Thread(target=self.接收)
        self.接收线程.start()
        return True

    def 接收(self):
        while True:
            try:
                data, addr = self.sock.recvfrom(2048)
            except socket.timeout:
                print('超时了')
                break
            if data.decode() == 'EXIT':
                break
            self.收到.append(data.decode())
            self.有新消息.release()

    def 发(self, 文字):
        self.sock.sendto(文字.encode(), self.服务器地址)

    def 等(self, n=1):
        for _ in range(n):
            self.有新消息.acquire(timeout=20)

    def 说(self, 内容):
        self.发('C|%s|%s' % (self.名字, 内容))
        self.等()       # 等 '已发送'

    def 退出(self):
        self.发('Q|' + self.名字)
        self.接收线程.join()
        self.sock.close()


服 = 服务器()
服.start()
张三, 李四, 王五 = [客户端(n, 服.地址) for n in ('张三', '李四', '王五')]
print(张三.登录(), 李四.登录())
张三.等()
print(客户端('张三', 服.地址).登录(), 客户端('我是管理员', 服.地址).登录())
print(王五.登录())
张三.等(); 李四.等()
张三.说('大家好')
李四.等(); 王五.等()
王五.说('你好|张三')
张三.等(); 李四.等()
李四.发('X')
李四.等()
李四.退出()
张三.等(); 王五.等()
王五.退出()
张三.等()
张三.退出()
服.join(10)
for 人 in (张三, 李四, 王五):
    print(人.名字, '收到了', len(人.收到), '条')
    for i, 条 in enumerate(人.收到, 1):
        print('  %d) %s' % (i, 条))
print(len(服.日志), 服.日志[0], 服.用户, 服.is_alive())

# 打包/解包
头 = struct.pack('!HI4s', 7, 65536, b'abcd')
print(len(头), 头, struct.unpack('!HI4s', 头), struct.calcsize('<bq'))
print(socket.inet_ntoa(socket.inet_aton('127.0.0.1')), socket.htons(1) in (1, 256), socket.gethostbyname('localhost'))
a, b = socket.socketpair()
a.send(b'hello')
print(b.recv(2), b.recv(100), a.fileno() != b.fileno())
a.close()
print(b.recv(1))
b.close()
try:
    b.send(b'x')
except OSError as e:
    print(e)
