import logging
import sys

logger = logging.getLogger('app.db')
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter('%(name)s:%(levelname)s:%(lineno)d:%(funcName)s: %(message)s'))
logger.addHandler(handler)
logger.setLevel(logging.INFO)


def connect(host):
    logger.debug('not shown %s', host)
    logger.info('connecting to %s', host)
    logger.warning('%d tries left, %.1f s', 3, 1.25)
    try:
        raise KeyError('user')
    except KeyError:
        logger.error('failed: %r', sys.exc_info()[1])


connect('localhost')
print(logger.isEnabledFor(logging.DEBUG), logger.getEffectiveLevel(), logging.getLevelName(30))
print(logger.parent.name, logger)
